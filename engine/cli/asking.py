"""`carpe preview` and `decisions`: what would be, and what was."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine.cli.columns import rows_bar
from engine.cli.context import (
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
from engine.cli.explaining import MARKS
from engine.clock import utc_now
from engine.config import Settings
from engine.errors import CarpeError
from engine.reports.decisions import DecisionLine, Receipt, ReceiptClause, receipt
from engine.reports.decisions import decisions as find_decisions
from engine.simulation import preview as previewing
from engine.simulation.base_funnel import BaseFunnel, base_funnel


@click.command(epilog="Example: carpe preview billing_anniversary_offer_premium --as-of 2026-03-15")
@click.argument("rule")
@click.option("--funnel", is_flag=True, help="Count everybody, as if the moment came to all, clause by clause.")
@as_of_option
@database_option
@rules_option
@json_option
def preview(
    rule: str, funnel: bool, day: dt.date | None, database: str | None, rules: Path | None, as_json: bool
) -> None:
    """Count and show who would meet RULE on a day, clause by clause. Writes nothing."""
    settings = Settings.from_environment(database=database, rules=rules)
    ruleset = ruleset_of(settings)
    now = utc_now()
    asked, on = rule_of(ruleset, rule), day or now.date()
    with opened(settings) as store:
        if funnel:
            with rows_bar(as_json) as progress:
                counted = base_funnel(store, ruleset, asked, on, progress)
            _show_funnel(counted, as_json)
            return
        found = previewing.preview(store, ruleset, asked, on, now)
    if as_json:
        print_json(found.to_json())
    else:
        _show_preview(console(), found)


@click.command(epilog="Example: carpe decisions --rule birthday_wishes --limit 5")
@click.option("--rule", help="Only of this rule.")
@click.option("--customer", help="Only of this customer.")
@click.option("--result", type=click.Choice(["offered", "said", "tagged", "held", "held_out"]))
@click.option("--day", callback=as_day, metavar="DATE", help="Only of this local day.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
@click.option("--receipt", "receipt_id", metavar="ID", help="Show one decision with its receipt.")
@database_option
@json_option
def decisions(
    rule: str | None,
    customer: str | None,
    result: str | None,
    day: dt.date | None,
    limit: int,
    receipt_id: str | None,
    database: str | None,
    as_json: bool,
) -> None:
    """List decisions, newest first, or show the receipt of one."""
    settings = Settings.from_environment(database=database)
    with opened(settings) as store, store.read() as connection:
        if receipt_id is None:
            found = find_decisions(connection, rule=rule, customer=customer, result=result, day=day, limit=limit)
            _show_decisions(found, as_json)
            return
        one = receipt(connection, receipt_id, utc_now())
    if one is None:
        raise CarpeError(f"There is no decision {receipt_id}.")
    if as_json:
        print_json(one.to_json())
    else:
        show_receipt(console(), one)


def _show_preview(out: Console, found: previewing.Preview) -> None:
    out.print(found.sentence, markup=False)
    out.print(f"On {found.day}: {found.due:,} due, {found.matched:,} of them match.")
    out.print(f"  {found.gated:,} of {found.base:,} that the moment could concern are in its statuses.")
    if found.clauses:
        out.print(_clause_counts(found))
    for text, count in found.outcomes:
        out.print(f"  {count:>6,} {text}", markup=False)
    for sample in found.samples:
        about = " ".join(filter(None, (sample.customer_id, sample.subscription_id, sample.offer)))
        out.print(f"\n{about}: {sample.subject or ''}", markup=False)
        if sample.body:
            out.print("  " + sample.body.strip().replace("\n", "\n  "), markup=False)
    for note in found.notes:
        out.print(f"Note: {note}", markup=False)
    if found.waits_for:
        out.print(f"This version checks the rule but does not run it: {', '.join(found.waits_for)}.", markup=False)


def _show_funnel(found: BaseFunnel, as_json: bool) -> None:
    if as_json:
        print_json(found.to_json())
        return
    out = console()
    out.print(found.sentence, markup=False)
    out.print(f"If the moment came to everybody on {found.day}: {found.matched:,} of {found.base:,} match.")
    out.print(f"  {found.concerned:,} are in the moment's statuses.")
    table = Table(box=None, pad_edge=False)
    table.add_column("clause")
    for name in ("true", "false", "missing", "left"):
        table.add_column(name, justify="right")
    for each in found.clauses:
        counts = (each.true, each.false, each.missing)
        left = "" if each.left is None else f"{each.left:,}"
        table.add_row(Text("  " * each.depth + each.text), *(f"{count:,}" for count in counts), left)
    if found.clauses:
        out.print(table)
    for note in found.notes:
        out.print(f"Note: {note}", markup=False)


def _clause_counts(found: previewing.Preview) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("clause")
    for name in ("true", "false", "missing"):
        table.add_column(name, justify="right")
    for each in found.clauses:
        table.add_row("  " * each.depth + each.text, f"{each.true:,}", f"{each.false:,}", f"{each.missing:,}")
    return table


def _show_decisions(found: tuple[DecisionLine, ...], as_json: bool) -> None:
    if as_json:
        print_json([each.to_json() for each in found])
        return
    for each in found:
        click.echo(f"{each.local_date} {each.id}  {each.sentence}")
    if not found:
        click.echo("No decisions fit.")


def show_receipt(out: Console, one: Receipt) -> None:
    """A decision with its clauses, its rivals and its messages."""
    out.print(one.decision.sentence, markup=False)
    show_clauses(out, one.clauses)
    if one.offer is not None:
        out.print(f"  {one.offer.sentence}", markup=False)
    for rival in one.candidates:
        out.print(f"  {rival.rule} (priority {rival.priority}): {rival.sentence}", markup=False)
    for delivery in one.deliveries:
        told = (delivery.subject or delivery.body or "").partition("\n")[0]
        out.print(f"  by {delivery.channel}, {delivery.state}: {told}", markup=False)


def show_clauses(out: Console, clauses: Iterable[ReceiptClause]) -> None:
    """A condition, a clause a line, with what it read."""
    for clause in clauses:
        value = "" if clause.value is None else f"  ({clause.value})"
        out.print(f"  {MARKS[clause.verdict]:>7}  {'  ' * clause.depth}{clause.text}{value}", markup=False)
