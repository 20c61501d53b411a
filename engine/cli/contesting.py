"""A contested decision on one screen: who wanted it, why one won, what it costs, and what accepting it changes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from itertools import groupby

from rich.console import Console

from dsl.datatypes import Value
from dsl.typed import Ruleset
from engine.cli.asking import show_clauses
from engine.demo.contested import Contest, Rival
from engine.offers.changing import Request, change_offer
from engine.offers.reading import OfferLine, changes
from engine.offers.refusals import OfferRefused
from engine.offers.states import State
from engine.pricing.quotes import Invoice, Quote
from engine.store.session import Store
from engine.store.state import customer_rows

BY = "tour"
"""Who answers the offer here."""


def show_contest(out: Console, found: Contest, horizon: int) -> None:
    """The occasion, the winner's clauses and messages, and its quote. `horizon` is in months."""
    decision = found.decision
    out.print(f"\nA contested decision: {decision.customer_id} on {decision.moment}, {_day(decision.local_date)}.\n")
    for each in found.rivals:
        out.print(_rival(each, horizon), markup=False)
    out.print(f"\n{_why(found)}\n", markup=False)
    out.print(f"Its receipt ({decision.id}): its condition, clause by clause, with what it read.")
    show_clauses(out, found.receipt.clauses)
    for delivery in found.receipt.deliveries:
        told = (delivery.subject or delivery.body or "").partition("\n")[0]
        out.print(f"  by {delivery.channel}, {delivery.state}{told and f': {told}'}", markup=False)
    _show_quote(out, found, horizon)


def _rival(each: Rival, horizon: int) -> str:
    brings = " + ".join(str(money) for money in (each.value, each.worth) if money is not None)
    offer = f", offers {each.offer}" if each.offer else ""
    value = f", which brings {brings} in {horizon} months" if brings else ""
    return f"  {each.rule} (priority {each.priority}{offer}{value}): {each.became}"


def _why(found: Contest) -> str:
    """Which step of arbitration told the winner from the next who competed."""
    winner, *others = found.rivals
    next_one = next((each for each in others if "won the occasion" in each.became), None)
    if next_one is None:
        return f"{winner.rule} won: nothing else was free to be said."
    if winner.priority != next_one.priority:
        return f"{winner.rule} won by its priority: {winner.priority}, before {next_one.priority}."
    return (
        f"{winner.rule} won by its score, since the priorities are equal: how likely the offer is taken, times what it "
        "brings."
    )


def _show_quote(out: Console, found: Contest, horizon: int) -> None:
    quoted, amounts = found.quote, found.quote.amounts
    held = found.subscription.get("subscription.plan")
    now = "" if quoted.today is None else f", instead of {quoted.today} today for {held}"
    out.print(
        f"\nIts quote: {amounts.product} at {quoted.price} a {amounts.interval}{_listed(quoted)}{now}.", markup=False
    )
    if quoted.now is not None and quoted.now.due is not None:
        out.print(
            f"  {quoted.now.due} at once, for {quoted.now.left} of {quoted.now.whole} {quoted.now.unit}.", markup=False
        )
    for line in _bills(quoted.invoices):
        out.print(f"  {line}", markup=False)
    out.print(
        f"  The customer saves {quoted.saving}{_until(quoted)}. The discount costs us {quoted.discount_cost}; the "
        f"offer brings {quoted.value} in {horizon} months, less what it costs and what today's plan brings.",
        markup=False,
    )


def _listed(quoted: Quote) -> str:
    return "" if quoted.price == quoted.list_price else f" (by the list {quoted.list_price})"


def _until(quoted: Quote) -> str:
    last = quoted.until or quoted.free_until
    return f"; the price holds until {_day(last)}" if last is not None else ""


def _bills(invoices: Sequence[Invoice]) -> list[str]:
    """The bills in order, those alike that follow each other in one line."""
    lines = []
    for amount, alike in groupby(invoices, lambda each: each.amount):
        bills = list(alike)
        days = _day(bills[0].day) if len(bills) == 1 else f"{_day(bills[0].day)} to {_day(bills[-1].day)}"
        lines.append(f"{len(bills)} {'bill' if len(bills) == 1 else 'bills'} of {amount}, {days}")
    return lines


def accept_contested(out: Console, store: Store, ruleset: Ruleset, found: Contest, now: dt.datetime) -> None:
    """The customer sees the offer and accepts it; says what that changed."""
    before = found.subscription
    for to in (State.SEEN, State.ACCEPTED):
        request = Request(to, key=f"{BY}-{to}", by=BY)
        try:
            offer = change_offer(store, ruleset.catalog, found.decision.id, request, now)
        except OfferRefused as refused:
            out.print(f"\nThe offer cannot be taken: {refused}", markup=False)
            return
    out.print(f"\nNow {offer.customer_id} sees the offer and takes it.", markup=False)
    _show_life(out, store, offer)
    for line in _changed(store, ruleset, offer, before):
        out.print(f"  {line}", markup=False)


def _show_life(out: Console, store: Store, offer: OfferLine) -> None:
    with store.read() as connection:
        happened = changes(connection, offer.id)
    states = [str(State.OFFERED), *(each.state for each in happened)]
    out.print(f"  The offer: {', then '.join(states)}. Its price is kept as it was quoted.")


def _changed(store: Store, ruleset: Ruleset, offer: OfferLine, before: Mapping[str, Value]) -> list[str]:
    with store.read() as connection:
        state = customer_rows(connection, ruleset.catalog, offer.customer_id)
    held = state.subscriptions if state is not None else ()
    after = next((row for row in held if row["subscription.id"] == offer.subscription_id), {})
    names = [name for name in after if after[name] != before.get(name)]
    return [
        f"{name.partition('.')[2]}: {_shown(before.get(name))} before, {_shown(after[name])} now." for name in names
    ]


def _shown(value: Value | None) -> str:
    return " and ".join(sorted(value)) or "none" if isinstance(value, frozenset) else str(value)


def _day(day: dt.date) -> str:
    return f"{day.day} {day:%B %Y}"
