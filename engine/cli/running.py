"""`carpe run` and `carpe scheduler`: passes, one ordered or one after the other."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from engine import passes
from engine.cli.context import (
    accept_clock_option,
    as_of_option,
    console,
    database_option,
    json_option,
    opened,
    print_json,
    rules_option,
    ruleset_of,
)
from engine.clock import utc_now
from engine.config import Settings
from engine.decisions import reasons
from engine.deliveries.outbox import deliver
from engine.halts import begin_by_the_clock, refuse_halted
from engine.passes import PassReport, run_pass
from engine.rulebook import Rulebook
from engine.scheduler import Scheduler
from engine.signals import told_to_stop
from engine.unavailable import NotRun, not_run, notice


@click.command(epilog="Example: carpe run --as-of 2026-03-15")
@as_of_option
@accept_clock_option
@database_option
@rules_option
@json_option
def run(day: dt.date | None, accept_clock: bool, database: str | None, rules: Path | None, as_json: bool) -> None:
    """Decide everything that is due, once, and deliver it. A second run at the same date decides nothing new."""
    settings = Settings.from_environment(database=database, rules=rules)
    ruleset = ruleset_of(settings)
    left_out = not_run(ruleset.rules)
    with opened(settings) as store:
        begin_by_the_clock(store, utc_now, accept=accept_clock)
        with progress_bar(quiet=as_json) as progress:
            report = run_pass(store, ruleset, utc_now(), day=day, progress=progress, check=refuse_halted)
        sent = deliver(store, ruleset, utc_now(), check=refuse_halted)
    if as_json:
        print_json(report.to_json() | {"deliveries": sent, "not_run": [each.to_json() for each in left_out]})
    else:
        show(console(), report, sent)
        say_not_run(left_out)


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


def say_not_run(left_out: tuple[NotRun, ...]) -> None:
    """On stderr, which rules this version leaves out and why; nothing where it runs them all."""
    if told := notice(left_out):
        click.echo(told, err=True)


@contextmanager
def progress_bar(*, quiet: bool = False) -> Iterator[passes.Progress]:
    """A bar on stderr that counts batches; nothing where stderr is no terminal."""
    out = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=out, disable=quiet or not out.is_terminal, transient=True) as bar:
        task = bar.add_task("Deciding", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def show(out: Console, report: PassReport, sent: dict[str, int]) -> None:
    """The pass in a few lines and a table a rule."""
    total = report.total
    due, looked = sum(report.moments.values()), total("due")
    matched = looked - total("not_matched")
    out.print(f"Pass {report.pass_id} as of {report.as_of}: {due:,} moments due, looked at by rules {looked:,} times.")
    out.print(f"{matched:,} matched: {total('offered'):,} offered (or said), {total('held'):,} held.")
    for reason, count in report.held.most_common():
        out.print(f"  {count:>6,} held: {reasons.summary(reason)}")
    if sent:
        out.print("Deliveries: " + ", ".join(f"{count:,} {state}" for state, count in sorted(sent.items())) + ".")
    if report.rules:
        out.print(_table(report))


def _table(report: PassReport) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("rule")
    for name in ("due", "not matched", "offered", "held"):
        table.add_column(name, justify="right")
    for rule, counts in sorted(report.rules.items()):
        cells = (counts["due"], counts["not_matched"], counts["offered"], counts["held"])
        table.add_row(rule, *(f"{each:,}" for each in cells))
    return table
