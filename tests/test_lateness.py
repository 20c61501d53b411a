"""How late is too late: the bounds of rules and of the ruleset."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from dsl.typed import Rule
from engine.lateness import bound_of, in_time, latest, longest
from tests import world

DUE = dt.datetime(2026, 1, 31, 14, tzinfo=dt.UTC)  # 09:00 in New York
ZONE = "America/New_York"


def rule(clause: str, name: str = "one") -> Rule:
    found = world.ruleset(f'rule {name} on birthday say "hello" via in_app {clause}').rules
    return found[0]


CATALOG = world.ruleset('rule one on birthday say "hello" via in_app').catalog


@pytest.mark.parametrize(
    ("clause", "last"),
    [
        ("", DUE + dt.timedelta(days=1)),
        ("catch up never", DUE + dt.timedelta(hours=1)),
        ("catch up within 36 hours", DUE + dt.timedelta(hours=36)),
        ("catch up within 3 days", DUE + dt.timedelta(days=3)),
        ("catch up within 2 weeks", DUE + dt.timedelta(days=14)),
        ("catch up within 1 month", dt.datetime(2026, 2, 28, 14, tzinfo=dt.UTC)),  # the day is clamped
        ("catch up within 2 months", dt.datetime(2026, 3, 31, 13, tzinfo=dt.UTC)),  # 09:00 in summer time
        ("catch up within 1 year", dt.datetime(2027, 1, 31, 14, tzinfo=dt.UTC)),
    ],
)
def test_the_last_instant_of_a_rule(clause: str, last: dt.datetime):
    one = rule(clause)
    assert latest(bound_of(CATALOG, one), DUE, ZONE) == last
    assert in_time(CATALOG, [one], DUE, ZONE, last) == (one,)
    assert in_time(CATALOG, [one], DUE, ZONE, last + dt.timedelta(microseconds=1)) == ()


def test_the_rulesets_own_bound_counts_where_a_rule_has_none():
    policies = dataclasses.replace(CATALOG.policies, catch_up=dt.timedelta(days=4))
    catalog = dataclasses.replace(CATALOG, policies=policies)
    assert latest(bound_of(catalog, rule("")), DUE, ZONE) == DUE + dt.timedelta(days=4)
    assert latest(bound_of(catalog, rule("catch up within 1 day")), DUE, ZONE) == DUE + dt.timedelta(days=1)
    never = dataclasses.replace(CATALOG, policies=dataclasses.replace(CATALOG.policies, catch_up=None))
    assert latest(bound_of(never, rule("")), DUE, ZONE) == DUE + dt.timedelta(hours=1)


def test_no_bound_reaches_further_than_the_longest():
    rules = [rule(clause) for clause in ("catch up never", "catch up within 1 month", "catch up within 20 days")]
    widest = longest(CATALOG, rules)
    for month in range(1, 13):
        due = dt.datetime(2026, month, 28, 14, tzinfo=dt.UTC)
        assert all(latest(bound_of(CATALOG, one), due, ZONE) <= due + widest for one in rules)
