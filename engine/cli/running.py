"""`carpe run` and `carpe scheduler`: passes, one ordered or one after the other."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from engine.cli.context import (
    accept_clock_option,
    as_day,
    as_of_option,
    console,
    database_option,
    json_option,
    opened,
    print_json,
    rule_of,
    rules_option,
    ruleset_of,
)
from engine.cli.deciding_bar import progress_bar
from engine.cli.distributing import decide_on_spark
from engine.cli.pass_report import say_not_run, show, show_deliveries
from engine.clock import utc_now
from engine.config import Settings
from engine.deliveries.outbox import deliver
from engine.errors import CarpeError
from engine.halts import begin_by_the_clock, refuse_halted
from engine.passes import run_again, run_pass
from engine.rulebook import Rulebook
from engine.scheduler import Scheduler
from engine.signals import told_to_stop
from engine.unavailable import not_run, notice

MOST_DAYS = 366


@click.command(epilog="Example: carpe run --as-of 2026-03-15")
@as_of_option
@click.option("--from", "first", callback=as_day, metavar="DATE", help="The first of several days.")
@click.option("--to", "last", callback=as_day, metavar="DATE", help="The last of them.")
@accept_clock_option
@click.option("--engine", type=click.Choice(["local", "spark"]), default="local", help="Where. Default: here.")
@click.option("--state", metavar="PATH", help="With spark: a snapshot (folder, URL or table:DATABASE).")
@click.option("--out", metavar="PATH", help="With spark: where to write what was decided.")
@click.option("--master", metavar="URL", default="local[*]", help="With spark: its master. Default: local[*].")
@database_option
@rules_option
@json_option
def run(
    day: dt.date | None,
    first: dt.date | None,
    last: dt.date | None,
    accept_clock: bool,
    engine: str,
    state: str | None,
    out: str | None,
    master: str,
    database: str | None,
    rules: Path | None,
    as_json: bool,
) -> None:
    """Decide everything that is due, once, and deliver it. A second run at the same date decides nothing new.

    Without a date it is what a scheduler does each minute: what came due since the last pass, as far as rules catch
    up. A day that you name is decided whole, however long ago it was. What was cut short goes on where it stopped.

    With --engine spark a day of a snapshot (`carpe snapshot`) is decided on many machines, for `carpe load-decisions`.
    """
    if engine == "spark":
        decide_on_spark(state, out, master, day, rules, as_json)
        return
    if state is not None or out is not None:
        raise click.UsageError("--state and --out go with --engine spark.")
    settings = Settings.from_environment(database=database, rules=rules)
    days = _days(day, first, last)
    ruleset = ruleset_of(settings)
    left_out = not_run(ruleset.rules)
    reports = []
    with opened(settings) as store:
        begin_by_the_clock(store, utc_now, accept=accept_clock)
        for each in days:
            with progress_bar(quiet=as_json) as progress:
                report = run_pass(store, ruleset, utc_now(), day=each, progress=progress, check=refuse_halted)
            reports.append(report)
            if not as_json:
                show(console(), report, {})
        sent = deliver(store, ruleset, utc_now(), check=refuse_halted)
    if as_json:
        told = reports[0].to_json() if first is None else {"passes": [report.to_json() for report in reports]}
        print_json(told | {"deliveries": sent, "not_run": [each.to_json() for each in left_out]})
    else:
        show_deliveries(console(), sent)
        say_not_run(left_out)


def _days(day: dt.date | None, first: dt.date | None, last: dt.date | None) -> list[dt.date | None]:
    """The days that are ordered, [None] for what is due now."""
    if first is None and last is None:
        return [day]
    if day is not None:
        raise click.UsageError("--as-of is one day, --from and --to are several: give one or the other.")
    if first is None or last is None:
        raise click.UsageError("--from and --to go together: say the first and the last day.")
    count = (last - first).days + 1
    if count < 1:
        raise click.UsageError(f"--to {last} lies before --from {first}.")
    if count > MOST_DAYS:
        raise click.UsageError(f"{count:,} days are more than one run takes: at most {MOST_DAYS} at a time.")
    return [first + dt.timedelta(days=number) for number in range(count)]


@click.command(epilog="Example: carpe rerun birthday_wishes --as-of 2026-03-15 --reason 'the wording was wrong'")
@click.argument("rule")
@as_of_option
@click.option("--reason", required=True, metavar="TEXT", help="Why, kept with the order.")
@database_option
@rules_option
@json_option
def rerun(rule: str, day: dt.date | None, reason: str, database: str | None, rules: Path | None, as_json: bool) -> None:
    """Try RULE again on a day that is done, and deliver what comes of it.

    What it offered or said that day stays. What was held, did not match or was missed is decided anew.
    """
    settings = Settings.from_environment(database=database, rules=rules)
    ruleset = ruleset_of(settings)
    one = rule_of(ruleset, rule)
    if day is None:
        raise click.UsageError("Say which day with --as-of: it is tried again for every customer's local day.")
    if not reason.strip():
        raise click.UsageError("Say why with --reason: it is kept with the order.")
    if left_out := not_run([one]):
        raise CarpeError(notice(left_out))
    with opened(settings) as store:
        begin_by_the_clock(store, utc_now)
        with progress_bar(quiet=as_json) as progress:
            report = run_again(store, ruleset, one, day, reason, utc_now(), progress=progress, check=refuse_halted)
        sent = deliver(store, ruleset, utc_now(), check=refuse_halted)
    if as_json:
        print_json(report.to_json() | {"deliveries": sent})
    else:
        show(console(), report, sent)


@click.command(epilog="Example: carpe scheduler --database postgresql://carpe@localhost/carpe")
@accept_clock_option
@database_option
@rules_option
def scheduler(accept_clock: bool, database: str | None, rules: Path | None) -> None:
    """Decide and deliver what is due, every minute, until stopped with Ctrl-C.

    Any number of them may run on one database: one works, the others wait and take over when it is gone. One that
    hangs ends itself with code 70, to be started anew by whatever supervises it.
    """
    settings = Settings.from_environment(database=database, rules=rules)
    rulebook = Rulebook(settings.rules)
    say_not_run(not_run(rulebook.good().rules))
    with opened(settings) as store, told_to_stop(), suppress(KeyboardInterrupt):
        begin_by_the_clock(store, utc_now, accept=accept_clock)
        with ticking(Scheduler(store, rulebook, utc_now)):
            click.echo("Scheduler started; Ctrl-C stops it.", err=True)
            threading.Event().wait()


@contextmanager
def ticking(scheduler: Scheduler) -> Iterator[None]:
    """Ticks in a thread of this process for as long as the block lasts; what is under way is finished first."""
    scheduler.start()
    try:
        yield
    finally:
        scheduler.stop()
