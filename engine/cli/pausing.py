"""`carpe pause` and `carpe resume`: a rule, or everything, stands still until a person lets it go on."""

from __future__ import annotations

from pathlib import Path

import click

from dsl.suggestions import closest
from engine.cli.context import accept_clock_option, database_option, opened, rule_of, rules_option, ruleset_of
from engine.clock import utc_now
from engine.clock_hold import accept_clock as accept
from engine.config import Settings
from engine.errors import CarpeError
from engine.pauses import EVERYTHING, every_pause
from engine.pauses import pause as put_pause
from engine.pauses import resume as lift_pause


@click.command(epilog="Example: carpe pause birthday_wishes --reason 'the wording is wrong'")
@click.argument("rule", required=False)
@click.option("--reason", required=True, metavar="TEXT", help="Why, for whoever reads the status.")
@database_option
@rules_option
def pause(rule: str | None, reason: str, database: str | None, rules: Path | None) -> None:
    """Let RULE, or without RULE everything, decide and deliver nothing until it is resumed.

    What a paused rule matches is held. While everything is paused nothing is decided: events are recorded and wait,
    and what came due meanwhile is caught up on later, as after any outage.
    """
    settings = Settings.from_environment(database=database, rules=rules)
    name = rule_of(ruleset_of(settings), rule).name if rule else EVERYTHING
    with opened(settings) as store, store.write() as connection:
        put_pause(connection, name, reason, utc_now())
    click.echo(f"{name or 'Everything'} is paused; `carpe resume{' ' + name if name else ''}` goes on.")


@click.command(epilog="Example: carpe resume birthday_wishes")
@click.argument("rule", required=False)
@accept_clock_option
@database_option
def resume(rule: str | None, accept_clock: bool, database: str | None) -> None:
    """Let RULE, or without RULE everything, go on.

    Rules that were paused by name stay paused. With --accept-clock and no RULE only the clock is accepted.
    """
    settings = Settings.from_environment(database=database)
    with opened(settings) as store, store.write() as connection:
        if accept_clock:
            held = accept(connection, utc_now())
            click.echo("The clock is accepted; what waited goes on." if held else "The clock was not held.")
        if rule or not accept_clock:
            names = [each.rule for each in every_pause(connection)]
            lifted = lift_pause(connection, rule.lower() if rule else EVERYTHING)
            click.echo(_resumed(rule, lifted, [name for name in names if name]))


def _resumed(rule: str | None, lifted: bool, named: list[str]) -> str:
    """What became of it, and what stays paused. Raises CarpeError for a rule that was not paused."""
    if rule and not lifted:
        near = closest(rule, named)
        raise CarpeError(f'The rule "{rule}" is not paused' + (f"; did you mean {near}?" if near else "."))
    if rule:
        return f"{rule.lower()} goes on."
    still = f" Still paused by name: {', '.join(named)}." if named else ""
    return ("Everything goes on." if lifted else "There was no pause of everything.") + still
