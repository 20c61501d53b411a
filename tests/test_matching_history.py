"""What happened before, by the book: windows at their edges, sums by currency, meters, earlier decisions, arithmetic.

Expected values are written down by hand, from the language's own words, never computed by the code under test.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dsl import typed
from dsl.catalog import Owner
from dsl.choices import HistoryVerb, TimeUnit
from dsl.datatypes import DataType, Kind, Money, Unit, Value
from dsl.typed import All, Amount, Arithmetic, Attribute, Condition, Constant, CountOf, Events, Relation, Term, Window
from engine.matching.history import Decided, Happened, History
from engine.matching.interpreter import Clause, clauses, holds
from engine.matching.terms import NotStored

NEW_YORK = ZoneInfo("America/New_York")
TODAY = dt.date(2026, 3, 15)
NOW = dt.datetime(2026, 3, 15, 9, tzinfo=NEW_YORK)
"""The week after clocks went forward in New York (8 March 2026)."""

SEATS = Attribute(Owner.SUBSCRIPTION, "seats", DataType(Kind.COUNT))
MRR = Attribute(Owner.SUBSCRIPTION, "mrr", DataType(Kind.MONEY))
SCORE = Attribute(Owner.CUSTOMER, "score", DataType(Kind.NUMBER))
AMOUNT = Attribute(Owner.EVENT, "amount", DataType(Kind.MONEY))
SECONDS = Attribute(Owner.EVENT, "seconds", DataType(Kind.NUMBER))
ITEM = Attribute(Owner.EVENT, "item", DataType(Kind.TEXT))
ALWAYS = All(())
A_NUMBER, A_COUNT, AN_AMOUNT = DataType(Kind.NUMBER), DataType(Kind.COUNT), DataType(Kind.MONEY)


def visit(at: dt.datetime, **properties: Value) -> Happened:
    return Happened("visit", at, properties)


def past(*events: Happened, at: dt.datetime = NOW, **more: Any) -> History:
    return History(at, NEW_YORK, events, **more)


def visits(count: int | None = None, unit: TimeUnit = TimeUnit.DAYS, where: Condition = ALWAYS) -> Events:
    return Events("visit", where, None if count is None else Window(count, unit))


def equals(term: Term, value: Value | None, row: dict[str, Value], history: History | None) -> bool:
    """Whether the term is exactly this; None asks whether it is missing."""
    if value is None:
        known = typed.Test("is_known", term, ())
        return holds(known, row, TODAY, history) is False
    return holds(typed.Test("equal", term, (value,)), row, TODAY, history) is True


# --- windows ---------------------------------------------------------------------------------------------------------

UTC_NOW = NOW.astimezone(dt.UTC)


@pytest.mark.parametrize(
    ("unit", "count", "at", "counts"),
    [
        # exact spans: open at t - N units, closed at t
        (TimeUnit.DAYS, 30, UTC_NOW - dt.timedelta(days=30), False),
        (TimeUnit.DAYS, 30, UTC_NOW - dt.timedelta(days=30) + dt.timedelta(microseconds=1), True),
        (TimeUnit.DAYS, 30, UTC_NOW, True),
        (TimeUnit.DAYS, 30, UTC_NOW + dt.timedelta(microseconds=1), False),
        (TimeUnit.WEEKS, 2, UTC_NOW - dt.timedelta(days=14), False),
        (TimeUnit.WEEKS, 2, UTC_NOW - dt.timedelta(days=13, hours=23), True),
        (TimeUnit.HOURS, 36, UTC_NOW - dt.timedelta(hours=36), False),
        (TimeUnit.HOURS, 36, UTC_NOW - dt.timedelta(hours=35, minutes=59), True),
        # a day is 24 hours even where the clock lost one: 9:00 on 7 March is 191 hours back, inside 8 x 24 hours
        (TimeUnit.DAYS, 8, dt.datetime(2026, 3, 7, 9, tzinfo=NEW_YORK), True),
        (TimeUnit.DAYS, 8, dt.datetime(2026, 3, 7, 8, 1, tzinfo=NEW_YORK), True),
        (TimeUnit.DAYS, 8, dt.datetime(2026, 3, 7, 8, 0, tzinfo=NEW_YORK), False),
        # months by the calendar, from the local date: 15 February itself is out, 16 February is in
        (TimeUnit.MONTHS, 1, dt.datetime(2026, 2, 15, 23, 59, tzinfo=NEW_YORK), False),
        (TimeUnit.MONTHS, 1, dt.datetime(2026, 2, 16, 0, 0, tzinfo=NEW_YORK), True),
        # the local date, not that of UTC: this is 16 February in UTC
        (TimeUnit.MONTHS, 1, dt.datetime(2026, 2, 16, 4, 0, tzinfo=dt.UTC), False),
        (TimeUnit.YEARS, 1, dt.datetime(2025, 3, 15, 12, tzinfo=NEW_YORK), False),
        (TimeUnit.YEARS, 1, dt.datetime(2025, 3, 16, 0, tzinfo=NEW_YORK), True),
        (TimeUnit.MONTHS, 12, dt.datetime(2026, 3, 15, 9, 1, tzinfo=NEW_YORK), False),
    ],
)
def test_windows_at_their_edges(unit: TimeUnit, count: int, at: dt.datetime, counts: bool):
    history = past(visit(at))
    assert equals(CountOf(visits(count, unit)), int(counts), {}, history)


def test_a_month_back_from_a_longer_month_is_its_last_day():
    at = dt.datetime(2026, 3, 31, 9, tzinfo=NEW_YORK)
    last_of_february = visit(dt.datetime(2026, 2, 28, 12, tzinfo=NEW_YORK))
    first_of_march = visit(dt.datetime(2026, 3, 1, 0, tzinfo=NEW_YORK))
    history = past(last_of_february, first_of_march, at=at)
    assert equals(CountOf(visits(1, TimeUnit.MONTHS)), 1, {}, history)


def test_without_a_window_everything_up_to_now_counts():
    history = past(visit(dt.datetime(2001, 1, 1, tzinfo=dt.UTC)), visit(NOW), visit(NOW + dt.timedelta(seconds=1)))
    assert equals(CountOf(visits()), 2, {}, history)


# --- events ----------------------------------------------------------------------------------------------------------


def test_only_events_of_the_moment_whose_properties_satisfy_the_where():
    mug = typed.Test("equal", ITEM, ("mug",))
    history = past(
        visit(NOW, item="mug"), visit(NOW, item="cup"), visit(NOW), Happened("download", NOW, {"item": "mug"})
    )
    assert equals(CountOf(visits(where=mug)), 1, {}, history)
    assert equals(CountOf(visits(where=typed.Not(mug))), 1, {}, history), "an event without the property is neither"


def test_the_where_asks_the_counted_event_not_the_one_that_triggers():
    mug = typed.Test("equal", ITEM, ("mug",))
    assert equals(CountOf(visits(where=mug)), 0, {"event.item": "mug"}, past(visit(NOW, item="cup")))


def test_the_where_counts_a_bare_amount_in_the_subscriptions_own_currency():
    dear = typed.Test("greater", Amount(AMOUNT, None), (Decimal(10),))
    history = past(visit(NOW, amount=Money(2000, "EUR")), visit(NOW, amount=Money(2000, "USD")))
    assert equals(CountOf(visits(where=dear)), 1, {"subscription.currency": "EUR"}, history)
    assert equals(CountOf(visits(where=dear)), 0, {}, history)


def test_nothing_in_the_window_is_zero_zero_and_missing():
    history = past()
    assert equals(CountOf(visits(30)), 0, {}, history)
    assert equals(typed.SumOf(SECONDS, visits(30)), 0.0, {}, history)
    assert equals(typed.SumOf(AMOUNT, visits(30), "USD"), Decimal(0), {}, history)
    for term in (typed.LastOf(visits()), typed.SinceLast(visits()), typed.Elapsed(typed.LastOf(visits()), Unit.DAYS)):
        assert equals(term, None, {}, history)


def test_sums_add_what_is_there_exactly_and_money_by_currency():
    history = past(
        visit(NOW, seconds=0.1, amount=Money(10, "USD")),
        visit(NOW, seconds=0.2, amount=Money(20, "USD")),
        visit(NOW, seconds=0.3, amount=Money(5000, "JPY")),
        visit(NOW),
    )
    assert equals(typed.SumOf(SECONDS, visits()), 0.6, {}, history), "0.1 + 0.2 + 0.3 rounded once"
    assert equals(typed.SumOf(AMOUNT, visits(), "USD"), Decimal("0.30"), {}, history)
    assert equals(typed.SumOf(AMOUNT, visits(), "JPY"), Decimal(5000), {}, history)
    assert equals(typed.SumOf(AMOUNT, visits()), Decimal("0.30"), {"subscription.currency": "USD"}, history)
    assert equals(typed.SumOf(AMOUNT, visits()), Decimal(0), {}, history)


def test_the_last_event_by_its_local_date_and_by_exact_time():
    late = dt.datetime(2026, 2, 1, 3, tzinfo=dt.UTC)  # 31 January in New York
    history = past(visit(late), visit(late - dt.timedelta(days=3)))
    assert equals(typed.LastOf(visits()), dt.date(2026, 1, 31), {}, history)
    assert equals(typed.Elapsed(typed.LastOf(visits()), Unit.MONTHS), 1, {}, history)
    assert equals(typed.Elapsed(typed.LastOf(visits()), Unit.DAYS), 43, {}, history)
    fourteen = 14 * 24 * 3600 * 10**6
    ago = typed.Test("greater", typed.SinceLast(visits()), (fourteen,))
    assert holds(ago, {}, TODAY, past(visit(UTC_NOW - dt.timedelta(days=14)))) is False
    assert holds(ago, {}, TODAY, past(visit(UTC_NOW - dt.timedelta(days=14, microseconds=1)))) is True


def test_meters_are_what_they_read():
    history = past(usage={"storage": 40.0}, quota={"storage": 50.0})
    share = Arithmetic("*", Constant(0.8), typed.QuotaOf("storage"), A_NUMBER)
    assert holds(Relation("greater_or_equal", typed.UsageOf("storage"), share), {}, TODAY, history) is True
    assert holds(Relation("greater", typed.UsageOf("storage"), share), {}, TODAY, history) is False
    assert holds(Relation("greater", typed.UsageOf("calls"), share), {}, TODAY, history) is None


@pytest.mark.parametrize(
    ("verb", "product", "days", "count"),
    [
        (HistoryVerb.OFFERED, "family", None, 2),
        (HistoryVerb.OFFERED, None, None, 3),
        (HistoryVerb.OFFERED, "family", 40, 1),
        (HistoryVerb.OFFERED, "family", 41, 2),
        (HistoryVerb.ACCEPTED, "family", None, 0),
        (HistoryVerb.ACCEPTED, None, 3, 0),
        (HistoryVerb.ACCEPTED, None, 4, 1),
    ],
)
def test_what_was_offered_and_accepted(verb: HistoryVerb, product: str | None, days: int | None, count: int):
    made = [
        Decided(HistoryVerb.OFFERED, "family", UTC_NOW - dt.timedelta(days=40)),
        Decided(HistoryVerb.OFFERED, "family", UTC_NOW - dt.timedelta(days=2)),
        Decided(HistoryVerb.OFFERED, "basic", NOW),
        Decided(HistoryVerb.ACCEPTED, "basic", NOW - dt.timedelta(days=3)),
    ]
    window = None if days is None else Window(days, TimeUnit.DAYS)
    assert equals(typed.DecidedCount(verb, product, window), count, {}, past(decisions=made))


# --- arithmetic ------------------------------------------------------------------------------------------------------

ROW: dict[str, Value] = {
    "subscription.seats": 3,
    "customer.score": 0.5,
    "subscription.mrr": Money(1005, "USD"),
    "subscription.currency": "USD",
}
DOLLARS = Amount(MRR, "USD")


@pytest.mark.parametrize(
    ("term", "value"),
    [
        (Arithmetic("+", SEATS, Constant(4), A_COUNT), 7),
        (Arithmetic("-", SEATS, Constant(4), A_COUNT), -1),
        (Arithmetic("*", SEATS, SCORE, A_NUMBER), 1.5),
        (Arithmetic("/", SEATS, Constant(2), A_NUMBER), 1.5),
        (Arithmetic("/", SEATS, Arithmetic("-", SEATS, Constant(3), A_COUNT), A_NUMBER), None),
        (Arithmetic("/", SEATS, Constant(0.0), A_NUMBER), None),
        (Arithmetic("/", DOLLARS, Constant(Decimal(0)), A_NUMBER), None),
        (Arithmetic("*", DOLLARS, Constant(12), AN_AMOUNT), Decimal("120.60")),
        (Arithmetic("+", DOLLARS, Constant(Decimal("0.10")), AN_AMOUNT), Decimal("10.15")),
        (Arithmetic("*", DOLLARS, Constant(Decimal("0.1")), AN_AMOUNT), Decimal("1.005")),
        (Arithmetic("/", DOLLARS, DOLLARS, A_NUMBER), 1.0),
        (Arithmetic("*", Amount(MRR, "EUR"), Constant(12), AN_AMOUNT), None),
        (Arithmetic("+", Attribute(Owner.CUSTOMER, "no", A_NUMBER), Constant(1), A_NUMBER), None),
        (Arithmetic("*", Constant(1e308), Constant(10.0), A_NUMBER), None),
    ],
)
def test_arithmetic(term: Term, value: Value | None):
    assert equals(term, value, ROW, None)


def test_a_relation_is_open_where_a_side_is_missing_and_so_is_its_negation():
    relation = Relation("less", SEATS, Attribute(Owner.CUSTOMER, "no", A_NUMBER))
    assert holds(relation, ROW, TODAY) is None
    assert holds(typed.Not(relation), ROW, TODAY) is None
    assert holds(Relation("greater", SEATS, SCORE), ROW, TODAY) is True
    assert holds(Relation("equal", SEATS, SCORE), ROW, TODAY) is False


# --- explanations ----------------------------------------------------------------------------------------------------


def test_clauses_show_what_was_counted_in_the_words_of_people():
    condition = All(
        (
            typed.Test("greater", CountOf(visits(30)), (0,), "any visit in last 30 days"),
            typed.Test("greater", typed.SumOf(AMOUNT, visits(), "USD"), (Decimal(1),), "sum"),
            typed.Test("greater", typed.SinceLast(visits()), (0,), "last"),
            Relation("less", DOLLARS, Arithmetic("*", SEATS, Constant(Decimal(5)), AN_AMOUNT), "mrr < seats * 5"),
        )
    )
    history = past(visit(NOW - dt.timedelta(days=2, hours=3), amount=Money(1250, "USD")))
    assert clauses(condition, ROW, TODAY, history)[1:] == [
        Clause("any visit in last 30 days", (1,), True, 1),
        Clause("sum", ("12.5 USD",), True, 1),
        Clause("last", ("2 days ago",), True, 1),
        Clause(
            "mrr < seats * 5", (Money(1005, "USD"), Decimal(15)), True, 1, ("subscription.mrr", "subscription.seats")
        ),
    ]


# --- without a history -----------------------------------------------------------------------------------------------


def test_a_question_about_the_past_without_a_past_is_refused():
    with pytest.raises(NotStored):
        holds(typed.Test("greater", CountOf(visits()), (0,)), {}, TODAY)
