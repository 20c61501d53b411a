"""A pass as people read it when it is done."""

from __future__ import annotations

import click
from rich.console import Console
from rich.table import Table

from engine.decisions import reasons
from engine.passes import PassReport
from engine.unavailable import NotRun, notice


def say_not_run(left_out: tuple[NotRun, ...]) -> None:
    """On stderr, which rules this version leaves out and why; nothing where it runs them all."""
    if told := notice(left_out):
        click.echo(told, err=True)


def show(out: Console, report: PassReport, sent: dict[str, int]) -> None:
    """The pass in a few lines and a table a rule."""
    if report.pass_id is None:
        out.print("Nothing was due.")
    else:
        _show_counts(out, report, f"Pass {report.pass_id} as of {report.as_of}")
    show_deliveries(out, sent)
    if report.rules:
        out.print(_table(report))


def show_decided(out: Console, report: PassReport, what: str) -> None:
    """The same of decisions that are in no database yet."""
    _show_counts(out, report, what)
    if report.rules:
        out.print(_table(report))


def _show_counts(out: Console, report: PassReport, what: str) -> None:
    total = report.total
    due, looked = sum(report.moments.values()), total("due")
    matched = looked - total("not_matched") - total("missed")
    out.print(f"{what}: {due:,} moments due, looked at by rules {looked:,} times.")
    held_out = f", {count:,} held out" if (count := total("held_out")) else ""
    out.print(f"{matched:,} matched: {total('offered'):,} offered (or said), {total('held'):,} held{held_out}.")
    for reason, count in report.held.most_common():
        what = "held out" if reason in reasons.HELD_OUT else "held"
        out.print(f"  {count:>6,} {what}: {reasons.summary(reason)}")
    for reason, count in report.missed.most_common():
        out.print(f"{count:,} missed: {reasons.summary(reason)}.")


def show_deliveries(out: Console, sent: dict[str, int]) -> None:
    if sent:
        out.print("Deliveries: " + ", ".join(f"{count:,} {state}" for state, count in sorted(sent.items())) + ".")


def _table(report: PassReport) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("rule")
    seldom = (name for name in ("held_out", "missed") if report.total(name))
    names = ["due", "not_matched", "offered", "held", *seldom]
    for name in names:
        table.add_column(name.replace("_", " "), justify="right")
    for rule, counts in sorted(report.rules.items()):
        table.add_row(rule, *(f"{counts[name]:,}" for name in names))
    return table
