"""`carpe offers`: what was promised to whom, what became of it, and how it is taken back."""

from __future__ import annotations

from dataclasses import asdict

import click

from engine.cli.context import database_option, json_option, opened, print_json
from engine.clock import utc_now
from engine.config import Settings
from engine.errors import CarpeError
from engine.offers.ending import end_offers
from engine.offers.reading import changes, list_offers, offer
from engine.offers.states import State
from engine.offers.withdrawing import withdraw_rule

BY = "command line"
"""Who changed an offer that was withdrawn here."""


@click.group()
def offers() -> None:
    """Offers that were made: list them, look at one, take some back."""


@offers.command("list", epilog="Example: carpe offers list --customer C00042")
@click.option("--customer", help="Only of this customer.")
@click.option("--rule", help="Only of this rule.")
@click.option("--state", "states", type=click.Choice([*map(str, State)]), multiple=True, help="Only of this state.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
@database_option
@json_option
def list_(
    customer: str | None, rule: str | None, states: tuple[str, ...], limit: int, database: str | None, as_json: bool
) -> None:
    """List offers, newest first."""
    settings = Settings.from_environment(database=database)
    wanted = tuple(map(State, states)) or tuple(State)
    with opened(settings) as store, store.read() as connection:
        found = list_offers(connection, utc_now(), customer=customer, rule=rule, states=wanted, limit=limit)
    if as_json:
        print_json([each.to_json() for each in found])
        return
    for each in found:
        click.echo(f"{each.made_at:%Y-%m-%d} {each.id}  {each.sentence}")
    if not found:
        click.echo("No offers fit.")


@offers.command(epilog="Example: carpe offers show 4f0c1d2e3a5b69788796a5b4c3d2e1f0")
@click.argument("offer_id", metavar="ID")
@database_option
@json_option
def show(offer_id: str, database: str | None, as_json: bool) -> None:
    """Show one offer and what happened to it."""
    settings = Settings.from_environment(database=database)
    with opened(settings) as store, store.read() as connection:
        found = offer(connection, offer_id, utc_now())
        happened = changes(connection, offer_id)
    if found is None:
        raise CarpeError(f"There is no offer {offer_id}.")
    if as_json:
        print_json(found.to_json() | {"changes": [asdict(each) | {"at": each.at.isoformat()} for each in happened]})
        return
    click.echo(found.sentence)
    click.echo(f"  {found.made_at:%Y-%m-%d %H:%M} UTC  made")
    for each in happened:
        why = f": {each.reason}" if each.reason else ""
        click.echo(f"  {each.at:%Y-%m-%d %H:%M} UTC  {each.state} by {each.by}{why}")


@offers.command(epilog="Example: carpe offers withdraw --rule black_friday --reason 'the price was wrong'")
@click.argument("offer_id", metavar="[ID]", required=False)
@click.option("--rule", help="Every offer of this rule that stands.")
@click.option("--reason", required=True, metavar="TEXT", help="Why, for whoever looks at the offer.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@database_option
def withdraw(offer_id: str | None, rule: str | None, reason: str, yes: bool, database: str | None) -> None:
    """Take back offer ID, or every offer of a rule that nobody has answered yet, for good."""
    if (offer_id is None) == (rule is None):
        raise click.UsageError("Say which: the ID of one offer, or --rule NAME for all of a rule.")
    if not yes:
        what = f"every offer of {rule} that stands" if rule else f"offer {offer_id}"
        click.confirm(f"Withdraw {what}, for good?", abort=True)
    settings = Settings.from_environment(database=database)
    with opened(settings) as store:
        if rule:
            count = withdraw_rule(store, rule.lower(), utc_now(), by=BY, reason=reason[:200])
            click.echo(f"Offers of {rule.lower()} withdrawn: {count:,}.")
            return
        with store.write() as connection:
            found = offer(connection, str(offer_id), utc_now())
            ended = end_offers(connection, [str(offer_id)], State.WITHDRAWN, utc_now(), by=BY, reason=reason[:200])
    if found is None:
        raise CarpeError(f"There is no offer {offer_id}.")
    if not ended:
        raise CarpeError(f"Offer {offer_id} is {found.state} already.")
    click.echo(f"Offer {offer_id} is withdrawn.")
