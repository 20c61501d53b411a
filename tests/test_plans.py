"""Plans: one a moment, masks over it for who is active or in time, taken over by the ruleset that follows."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsl import typed
from dsl.catalog import Owner
from dsl.choices import TimeUnit
from dsl.datatypes import DataType, Kind
from dsl.typed import All, Attribute, CountOf, Events, MomentUse, Rule, Ruleset, Window
from engine import plans as room
from engine.matching.keys import key_of
from engine.matching.plan import FEW_ROWS, Plan
from engine.plans import Plans, plans_of
from tests import world
from tests.strategies import DAYS, conditions, make_batch, make_rows

ROWS = 200
BIRTHDAY, VISIT = MomentUse("birthday"), MomentUse("website_visit")
DAY = dt.date(2026, 3, 15)


# --- masks -----------------------------------------------------------------------------------------------------------


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data(), st.sampled_from(DAYS), st.integers(0, 2**32), st.sets(st.integers(0, 7)))
def test_a_masked_plan_says_what_the_whole_one_says_of_its_rules(
    data: st.DataObject, today: dt.date, seed: int, chosen: set[int]
) -> None:
    """Of rows and batches that have no more than what the masked rules read."""
    some = data.draw(st.lists(conditions(today, leaves=5, computing=True), min_size=8, max_size=8))
    rows = make_rows(ROWS, today, seed)
    whole = Plan(some)
    masked = whole.only(chosen)
    read = [{one.key: row[one.key] for one in masked.attributes if one.key in row} for row in rows]
    expected = [[number for number in whole.match_row(row, today) if number in chosen] for row in rows]
    assert [masked.match_row(row, today) for row in read] == expected
    pairs = [(row, rule) for row, found in enumerate(expected) for rule in found]
    for count in (ROWS, FEW_ROWS):
        matches = masked.match_batch(make_batch(read[:count], masked.attributes), today)
        found = zip(matches["row"].to_pylist(), matches["rule"].to_pylist(), strict=True)
        assert list(found) == [pair for pair in pairs if pair[0] < count]
    counts = masked.count_batch(make_batch(read, masked.attributes), today).tolist()
    assert counts == [sum(rule == number for _, rule in pairs) for number in range(len(some))]
    for row, few in zip(rows[:20], read, strict=False):
        ways = [way for way in whole.near_misses(row, today) if way.rule in chosen]
        assert masked.near_misses(few, today) == ways


def test_a_masked_plan_asks_nothing_for_the_others() -> None:
    plan = Attribute(Owner.SUBSCRIPTION, "plan", DataType(Kind.TEXT))
    calls = CountOf(Events("support_call", All(()), Window(30, TimeUnit.DAYS)))
    whole = Plan([typed.Test("equal", plan, ("basic",)), typed.Test("greater", calls, (2,))])
    first, second = whole.only([0]), whole.only([1])
    assert (first.attributes, first.terms) == ((plan,), ())
    assert (second.attributes, second.terms) == ((), (calls,))
    assert first.match_row({plan.key: "basic"}, DAY) == [0]
    assert second.match_row({key_of(calls): 3}, DAY) == [1]
    assert whole.only([0, 1]) is whole
    assert first.only([1]).match_row({plan.key: "basic"}, DAY) == []


# --- one plan a moment -----------------------------------------------------------------------------------------------


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rules each plan had that was compiled."""
    sizes: list[int] = []
    compile_plan = room.compile_plan

    def counted(rules: list[Rule]) -> Plan:
        sizes.append(len(rules))
        return compile_plan(rules)

    monkeypatch.setattr(room, "compile_plan", counted)
    return sizes


RULES = """
rule wishes on birthday say "Happy birthday" via in_app
rule march on birthday where country = DE say "March" via in_app from 2026-03-01 until 2026-03-31
rule april on birthday where country = US say "April" via in_app from 2026-04-01
rule curious on website_visit where page = "/pricing" say "Ask us" via in_app
"""


def ruleset(text: str = RULES) -> Ruleset:
    return world.ruleset(text)


def test_dates_and_lateness_are_masks_over_one_plan(compiled: list[int]) -> None:
    plans = Plans(ruleset())
    row = {"customer.country": "DE"}
    for day, names in (
        (dt.date(2026, 2, 28), ["wishes"]),
        (dt.date(2026, 3, 1), ["wishes", "march"]),
        (dt.date(2026, 3, 31), ["wishes", "march"]),
        (dt.date(2026, 4, 1), ["wishes", "april"]),
    ):
        listening = plans.listening(BIRTHDAY, day)
        assert [rule.name for rule in listening] == names
        plan = plans.plan(BIRTHDAY, day)
        assert [plans.rules_of(BIRTHDAY)[number].name for number in plan.numbers] == names
        found = [plans.rules_of(BIRTHDAY)[number].name for number in plan.match_row(row, day)]
        assert found == [name for name in names if name != "april"]
        in_time = [rule for rule in listening if rule.name != "wishes"]
        late = plans.plan_of(BIRTHDAY, in_time).match_row(row, day)
        assert [plans.rules_of(BIRTHDAY)[number].name for number in late] == [
            name for name in found if name != "wishes"
        ]
    assert compiled == [3]


def test_masks_are_kept_and_a_moment_that_nobody_listens_to_has_an_empty_plan() -> None:
    plans = Plans(ruleset())
    assert plans.plan(BIRTHDAY, DAY) is plans.plan(BIRTHDAY, DAY)
    assert plans.plan(BIRTHDAY, DAY) is plans.plan_of(BIRTHDAY, plans.listening(BIRTHDAY, DAY))
    nobody = plans.plan(MomentUse("renewal"), DAY)
    assert (nobody.numbers, nobody.match_row({}, DAY)) == ((), [])
    assert plans.scheduled(DAY) == [BIRTHDAY]
    assert plans.happening() == [VISIT]


# --- the ruleset that follows ----------------------------------------------------------------------------------------


def test_an_edit_compiles_the_moments_that_it_touches(compiled: list[int]) -> None:
    plans = [plans_of(ruleset())]
    before = [plans[0].plan(use, DAY) for use in (BIRTHDAY, VISIT)]
    assert sorted(compiled) == [1, 3]
    edited = RULES.replace("country = DE", "country = JP").replace("April", "In April")
    plans.append(plans_of(ruleset("# a line more\n" + edited)))
    after = [plans[1].plan(use, DAY) for use in (BIRTHDAY, VISIT)]
    assert after[1] is before[1]
    assert after[0] is not before[0]
    assert sorted(compiled) == [1, 3, 3]
    assert plans[1].rules_of(VISIT)[0].span != plans[0].rules_of(VISIT)[0].span
    assert after[0].match_row({"customer.country": "JP"}, DAY) == [0, 1]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("until 2026-03-31", "until 2026-06-30"),
        ('say "March"', 'say "April showers" priority 3'),
        ("rule march", "rule spring was march"),
    ],
)
def test_what_a_rule_does_and_when_is_no_part_of_its_plan(compiled: list[int], old: str, new: str) -> None:
    first, second = ruleset(), ruleset(RULES.replace(old, new))
    plan = Plans(first).plan(BIRTHDAY, DAY)
    before = Plans(first)
    before.plan(BIRTHDAY, DAY)
    compiled.clear()
    after = Plans(second, before)
    assert after.plan(BIRTHDAY, DAY).numbers == plan.numbers
    assert after.plan(BIRTHDAY, dt.date(2026, 4, 1)).numbers
    assert compiled == []


def test_rules_in_another_order_or_number_are_another_plan(compiled: list[int]) -> None:
    first = ruleset()
    before = Plans(first)
    before.plan(BIRTHDAY, DAY)
    turned = Plans(replace(first, rules=first.rules[::-1]), before)
    fewer = Plans(world.without(first, "april"), before)
    row = {"customer.country": "DE"}
    assert [turned.rules_of(BIRTHDAY)[number].name for number in turned.plan(BIRTHDAY, DAY).match_row(row, DAY)] == [
        "march",
        "wishes",
    ]
    assert [fewer.rules_of(BIRTHDAY)[number].name for number in fewer.plan(BIRTHDAY, DAY).match_row(row, DAY)] == [
        "wishes",
        "march",
    ]
    assert compiled == [3, 3, 2]
