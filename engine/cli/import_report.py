"""What an import did, for people."""

from __future__ import annotations

import click

from engine.event_bounds import in_words
from engine.store.events import CATCH_UP
from engine.store.ingest.imports import Order, Report
from engine.store.ingest.targets import Subject

MOST_SHOWN = 8


def print_report(report: Report, order: Order) -> None:
    """One line of counts, then a line for each thing that a reader would want to know."""
    changes = report.changes
    would = "would be " if order.dry else ""
    counts = f"{changes.new:,} new, {changes.changed:,} changed, {changes.unchanged:,} unchanged"
    click.echo(f"{report.rows:,} rows of {order.path.name}: {would}{counts}, {report.refused:,} refused.")
    if report.older:
        click.echo(f"{_of(report.older, 'row')} older than the latest reading of the meter: nothing changed.")
    _print_events(report, order)
    _print_zones(report)
    _print_counts(report.warnings, "warning")
    if report.ignored:
        click.echo(f"Columns that no attribute is called like were left out: {', '.join(report.ignored)}.")
    if report.refused:
        click.echo(f"Refused rows are in {order.rejects}:")
        _print_counts(report.reasons, "refused")


def _print_events(report: Report, order: Order) -> None:
    what = "crossing" if report.subject is Subject.READINGS else "new event"
    if report.pending:
        click.echo(f"{_of(report.pending, what)} fresh: the next run decides {_them(report.pending)}.")
    if report.history:
        bounds = in_words(order.catch_up.get(moment, CATCH_UP) for moment in report.late)
        them = _them(report.history)
        old = f"{_of(report.history, what)} history (older than {bounds})"
        click.echo(f"{old}: conditions count {them}, no rule meets {them}.")


def _print_zones(report: Report) -> None:
    after = "until it is mended, their country's zone counts, or else the catalog's"
    if report.changes.zones_missing:
        click.echo(f"{_of(report.changes.zones_missing, 'customer')} without a time zone: {after}.")
    if report.changes.zones_invalid:
        click.echo(f"{_of(report.changes.zones_invalid, 'customer')} in a time zone that does not exist: {after}.")


def _of(count: int, what: str) -> str:
    """ "1 new event is", "2 new events are"."""
    return f"1 {what} is" if count == 1 else f"{count:,} {what}s are"


def _them(count: int) -> str:
    return "it" if count == 1 else "them"


def _print_counts(counts: dict[str, int], what: str) -> None:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    for sentence, rows in ranked[:MOST_SHOWN]:
        click.echo(f"  {what}: {sentence} ({rows:,} row{'s' * (rows != 1)})")
    if len(ranked) > MOST_SHOWN:
        click.echo(f"  and {len(ranked) - MOST_SHOWN} other reasons")
