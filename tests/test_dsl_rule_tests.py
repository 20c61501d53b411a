"""Tests of rules, checked: what is given ends up in the made-up customer, and every mistake is told at its word."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsl import service
from dsl.choices import HistoryVerb, TimeUnit
from dsl.datatypes import Money
from dsl.diagnostics import Severity
from dsl.typed import MomentUse, Offer, Window
from dsl.typed_tests import (
    DEFAULT_DAY,
    ExpectedAbsence,
    ExpectedMessage,
    ExpectedNothing,
    ExpectedOffer,
    ExpectedRule,
    ExpectedTag,
    GivenDecision,
    GivenEvents,
    RuleTest,
)
from engine.moments.calendar import full_months
from tests.language import CATALOG

RULES = """
rule yearly on billing_anniversary where tenure > 12 offer premium
rule visits on website_visit say hello
rule early on 14 days before renewal say hello
"""
MESSAGE = '---\nsubject: "Hello"\n---\nHello.\n'


def checked(text: str) -> service.Checked:
    return service.check({"catalog.yaml": CATALOG, "a.rules": RULES + text, "messages/hello.txt": MESSAGE})


def only_test(facts: str, moment: str = "billing_anniversary", expect: str = "nothing") -> RuleTest:
    found = checked(f'test "t" given {facts} on {moment} expect {expect}')
    assert not found.errors, "\n".join(one.render() for one in found.errors)
    (test,) = found.tests
    return test


@pytest.mark.parametrize(
    ("facts", "values"),
    [
        ("plan = basic", {"subscription.plan": "basic"}),
        ('plan is "Basic"', {"subscription.plan": "basic"}),
        ("country = de", {"customer.country": "DE"}),
        ("started_on = 2025-01-31", {"subscription.started_on": dt.date(2025, 1, 31)}),
        ("mrr = 12.50", {"subscription.mrr": Money(1250, "USD")}),
        ("mrr = 12.5 EUR", {"subscription.mrr": Money(1250, "EUR")}),
        ('mrr = 12, currency = "JPY"', {"subscription.mrr": Money(12, "JPY"), "subscription.currency": "JPY"}),
        ("seats = 3, satisfaction = 3", {"subscription.seats": 3, "customer.satisfaction": 3.0}),
        ("autopay, not marketing_ok", {"subscription.autopay": True, "customer.marketing_ok": False}),
        ("autopay = false", {"subscription.autopay": False}),
        ("interests = (sport, Music)", {"customer.interests": frozenset({"sport", "music"})}),
        ("interests = sport", {"customer.interests": frozenset({"sport"})}),
        ("interests = ()", {"customer.interests": frozenset()}),
        ("has backup, has storage_plus", {"subscription.addons": frozenset({"backup", "storage_plus"})}),
        ("is tagged vip", {"customer.tags": frozenset({"vip"})}),
        ('first_name = "Ada"', {"customer.first_name": "Ada"}),
    ],
)
def test_facts_become_the_customers_row(facts: str, values: dict[str, object]):
    assert only_test(facts).given.values == values


def test_properties_of_the_moment_are_given_like_attributes():
    test = only_test('page = "/pricing", seconds = 30, country = US', "website_visit")
    assert test.given.values == {"event.page": "/pricing", "event.seconds": 30.0, "customer.country": "US"}


def test_missing_events_decisions_meters_and_arms():
    test = only_test(
        "country is missing, tenure is missing, 3 support_call 5 days ago, "
        '2 purchase with (amount = $20, item = "mug") 6 hours ago, '
        "offered family 40 days ago, accepted backup 1 month ago, "
        "usage of storage = 60, quota of storage = 50"
    )
    assert test.given.missing == {"customer.country", "subscription.started_on"}
    assert test.given.events == (
        GivenEvents("support_call", 3, Window(5, TimeUnit.DAYS)),
        GivenEvents("purchase", 2, Window(6, TimeUnit.HOURS), {"amount": Money(2000, "USD"), "item": "mug"}),
    )
    assert test.given.decisions == (
        GivenDecision(HistoryVerb.OFFERED, "family", Window(40, TimeUnit.DAYS)),
        GivenDecision(HistoryVerb.ACCEPTED, "backup", Window(1, TimeUnit.MONTHS)),
    )
    assert (test.given.usage, test.given.quota) == ({"storage": 60.0}, {"storage": 50.0})


@settings(max_examples=200)
@given(st.integers(0, 240), st.dates(dt.date(2000, 1, 1), dt.date(2030, 12, 31)))
def test_a_tenure_becomes_a_start_with_exactly_so_many_full_months(months: int, day: dt.date):
    test = only_test(f"tenure = {months} months", f"billing_anniversary at {day}")
    start = test.given.values["subscription.started_on"]
    assert isinstance(start, dt.date)
    assert full_months(start, day) == months


def test_years_are_twelve_months_and_a_bare_number_takes_the_attributes_unit():
    for facts in ("tenure = 1 year", "tenure = 12"):
        assert only_test(facts).given.values == {"subscription.started_on": dt.date(2025, 3, 15)}
    assert only_test("tenure = 30 days").given.values == {"subscription.started_on": dt.date(2026, 2, 13)}


@pytest.mark.parametrize(
    ("moment", "use", "day"),
    [
        ("billing_anniversary", MomentUse("billing_anniversary"), DEFAULT_DAY),
        ("billing_anniversary at 2026-01-02", MomentUse("billing_anniversary"), dt.date(2026, 1, 2)),
        ("14 days before renewal", MomentUse("renewal", -14), DEFAULT_DAY),
        ("2026-11-27", MomentUse("2026-11-27", date=dt.date(2026, 11, 27)), dt.date(2026, 11, 27)),
        ("2 days before 2026-11-27", MomentUse("2026-11-27", -2, dt.date(2026, 11, 27)), dt.date(2026, 11, 25)),
    ],
)
def test_the_moment_with_its_distance_and_the_day(moment: str, use: MomentUse, day: dt.date):
    test = only_test("plan = basic", moment)
    assert (test.moment, test.day) == (use, day)


def test_expectations():
    test = only_test("plan = basic", expect="offer premium, say hello, tag vip, rule yearly, no visits, nothing")
    assert [one.outcome for one in test.expect] == [
        ExpectedOffer(Offer(("premium",))),
        ExpectedMessage("hello"),
        ExpectedTag("vip"),
        ExpectedRule("yearly"),
        ExpectedAbsence("visits"),
        ExpectedNothing(),
    ]
    assert test.expect[0].text == "offer premium"


MISTAKES = [
    ("plan = gold", "gold", "unknown-plan"),
    ("plam = basic", "plam", "unknown-attribute"),
    ("country = Germany", "Germany", "not-one-of"),
    ("plan = basic, plan = family", "plan", "given-twice"),
    ("tenure = 3 months, started_on = 2025-01-01", "started_on", "given-twice"),
    ("country is missing, country = DE", "country", "given-twice"),
    ("plan", "plan", "not-a-flag"),
    ("not country", "country", "not-a-flag"),
    ("plan = (basic, family)", "plan", "not-a-set"),
    ("interests = (sport, chess)", "chess", "not-one-of"),
    ("has bakcup", "bakcup", "unknown-addon"),
    ("has premium", "premium", None),
    ("2 suport_call 5 days ago", "suport_call", "unknown-event"),
    ("2 renewal 5 days ago", "renewal", None),
    ('1 support_call with (topi = "x") 5 days ago', "topi", "unknown-property"),
    ("1 support_call with (minutes = long) 5 days ago", "long", None),
    ("1 support_call with (minutes = 3, minutes = 4) 5 days ago", "minutes", "given-twice"),
    ("1001 support_call 5 days ago", "1001 support_call 5 days ago", "too-many-events"),
    ("offered famly 40 days ago", "famly", "unknown-product"),
    ("usage of storag = 60", "storag", "unknown-meter"),
    ("usage of storage = 60, usage of storage = 70", "usage of storage", "given-twice"),
    ("usage of storage = 60%", "60%", "given-value"),
    ("mrr = 10.005", "10.005", "too-many-decimals"),
    ("seats = 2 + 1", "2 + 1", "given-value"),
    ("arm small", "small", "unknown-arm"),
]


@pytest.mark.parametrize(("facts", "place", "code"), MISTAKES, ids=lambda value: str(value)[:30])
def test_mistakes_are_told_at_their_word(facts: str, place: str, code: str | None):
    text = f'test "t" given {facts} on billing_anniversary expect nothing'
    found = checked(text)
    (error,) = found.errors
    assert error.source.slice(error.span) == place
    assert code in (None, error.code)
    assert not found.tests
    assert found.ruleset is not None
    assert [rule.name for rule in found.ruleset.rules] == ["yearly", "visits", "early"]


@pytest.mark.parametrize(
    ("expect", "place"),
    [("rule yerly", "yerly"), ("no yerly", "yerly"), ("say helo", "helo"), ("offer premum", "premum")],
)
def test_mistakes_in_what_is_expected(expect: str, place: str):
    (error,) = checked(f'test "t" given plan = basic on billing_anniversary expect {expect}').errors
    assert error.source.slice(error.span) == place


def test_a_moment_that_no_rule_listens_to_is_told():
    found = checked('test "t" given plan = basic on renewal expect nothing')
    (warning,) = [one for one in found.diagnostics if one.code == "test-moment"]
    assert warning.severity is Severity.WARNING
    assert warning.source.slice(warning.span) == "renewal"
    assert warning.hint == "say on 14 days before renewal"
    assert len(found.tests) == 1


@pytest.mark.parametrize("moment", ["birthday at 0001-01-01", "birthday at 9999-12-31", "0001-01-01"])
def test_a_day_that_is_too_far_away_is_told(moment: str):
    (error,) = checked(f'test "t" given plan = basic on {moment} expect nothing').errors
    assert error.code == "test-day"
    assert error.source.slice(error.span) == moment.split()[-1]


def test_one_broken_test_hides_no_other():
    found = checked(
        'test "a" given plan = gold on billing_anniversary expect nothing\n'
        'test "b" given plan = basic on billing_anniversary expect nothing\n'
    )
    assert [test.title for test in found.tests] == ["b"]
    assert [(one.kind, one.name, one.is_broken) for one in found.declarations if one.kind == "test"] == [
        ("test", "a", True),
        ("test", "b", False),
    ]


def test_a_test_follows_the_rules_of_other_files():
    files = {"catalog.yaml": CATALOG, "b.rules": 'test "t" given plan = basic on birthday expect rule wishes'}
    assert service.check({**files, "a.rules": 'rule wishes on birthday say "hi"'}).errors == ()
    (error,) = service.check({**files, "a.rules": 'rule wish on birthday say "hi"'}).errors
    assert error.code == "unknown-rule"


def test_amounts_are_exact():
    assert only_test("mrr = 0.1").given.values == {"subscription.mrr": Money(10, "USD")}
    assert Money(10, "USD").amount == Decimal("0.1")
