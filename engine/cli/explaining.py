"""`carpe explain`: why one rule does or does not meet somebody, and what somebody nearly meets."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click
from rich.console import Console

from engine.cli.context import (
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
from engine.clock import utc_now
from engine.config import Settings
from engine.simulation import explain as explaining
from engine.simulation.near_misses import NearMiss, NearMisses, near_misses

MARKS = {True: "yes", False: "no", None: "missing"}


@click.command(epilog="Example: carpe explain --rule trial_nudge --subscription S00042 --as-of 2026-03-15")
@click.option("--rule", help="Why this rule does or does not meet them.")
@click.option("--near", is_flag=True, help="All rules that one thing alone keeps from a customer, nearest first.")
@click.option("--moment", help="With --near: only rules of this moment.")
@click.option("--subscription", metavar="ID")
@click.option("--customer", metavar="ID")
@as_of_option
@database_option
@rules_option
@json_option
def explain(
    rule: str | None,
    near: bool,
    moment: str | None,
    subscription: str | None,
    customer: str | None,
    day: dt.date | None,
    database: str | None,
    rules: Path | None,
    as_json: bool,
) -> None:
    """Why a rule does or does not meet a subscription or a customer on a day, or what a customer nearly meets."""
    if (rule is not None) == near:
        raise click.UsageError("Say --rule NAME, or --near for all rules that a customer nearly meets.")
    if (subscription is None) == (customer is None):
        raise click.UsageError("Say --subscription or --customer, one of them.")
    if near and customer is None:
        raise click.UsageError("Say --customer: --near is of a customer with all subscriptions.")
    if moment is not None and not near:
        raise click.UsageError("--moment narrows --near; a rule has its own moments.")
    settings = Settings.from_environment(database=database, rules=rules)
    ruleset = ruleset_of(settings)
    now = utc_now()
    on = day or now.date()
    with opened(settings) as store:
        if rule is None:
            _show_near(near_misses(store, ruleset, str(customer), on, moment=moment), as_json)
            return
        asked = rule_of(ruleset, rule)
        found = explaining.explain(store, ruleset, asked, on, now, subscription=subscription, customer=customer)
    if as_json:
        print_json(found.to_json())
    else:
        _show_explanation(console(), found)


def _show_explanation(out: Console, found: explaining.Explanation) -> None:
    out.print(f"{found.rule} and {found.subject} on {found.day}: {found.outcome}", markup=False)
    for told in (*found.terms, found.why_due):
        out.print(f"  {told}", markup=False)
    for clause in found.clauses:
        value = "" if clause.value is None else f"  ({clause.value})"
        out.print(f"  {MARKS[clause.verdict]:>7}  {'  ' * clause.depth}{clause.text}{value}", markup=False)
    for told in found.becomes:
        out.print(f"  {told}", markup=False)


def _show_near(found: NearMisses, as_json: bool) -> None:
    if as_json:
        print_json(found.to_json())
        return
    out = console()
    met = f" {len(found.matching)} match: {', '.join(found.matching)}." if found.matching else ""
    out.print(f"{found.customer} on {found.day}: {found.asked} rules, if their moments came.{met}", markup=False)
    for miss in found.misses:
        _show_miss(out, miss)
    if not found.misses:
        out.print(_NOTHING_NEAR if found.asked else _NO_MOMENT, markup=False)


_NOTHING_NEAR = "More than one thing keeps them from every other rule."
_NO_MOMENT = "No moment concerns them: their subscriptions are not in its statuses, or there is none."


def _show_miss(out: Console, miss: NearMiss) -> None:
    whom = f" ({miss.subscription})" if miss.subscription else ""
    out.print(f"\n{miss.rule} on {miss.moment}{whom} would match if", markup=False)
    for number, one in enumerate(miss.wanted):
        starts = f", so from {one.starts}" if one.starts else ""
        out.print(f"  {'or ' if number else ''}{one.would} (now {one.reads}{starts})", markup=False)
