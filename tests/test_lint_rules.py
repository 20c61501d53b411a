"""What lint says of rules, on the line that causes it, and that its examples are so."""

from __future__ import annotations

import datetime as dt

import pytest

from dsl.lint.pairs import Relations, by_moment, relations
from dsl.service import lint
from dsl.typed import Rule, Ruleset
from engine.matching.history import Happened, History
from engine.matching.interpreter import holds
from tests.language import check_text


def checked(text: str, **messages: str) -> Ruleset:
    found = check_text(text, **messages)
    assert found.ruleset is not None
    assert not found.errors, found.errors[0].render()
    return found.ruleset


def codes(text: str, **messages: str) -> set[str]:
    return {one.code for one in lint(checked(text, **messages))}


def told(text: str, code: str, **messages: str) -> str:
    (found,) = [one for one in lint(checked(text, **messages)) if one.code == code]
    return found.message


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("on renewal where country = US or country is not US or country is missing tag x", "always-true"),
        ("on renewal where tenure > 12 and tenure > 6 tag x", "redundant-clause"),
        ("on renewal where country in (US, DE) and country != FR tag x", "redundant-clause"),
        ("on renewal where plan = premium offer premium", "already-has"),
        ("on renewal where has backup offer backup", "already-has"),
        ("on renewal where plan in (basic, free) offer priority_support", "addon-needs-plan"),
        ("on renewal where plan is missing offer priority_support", "addon-needs-plan"),
        ('on renewal where not marketing_ok say "hi" via email', "no-consent"),
        ("segment loyal: tenure > 24", "unused-segment"),
        ('on renewal say "Hi {{ first_name }}"', "variable-may-be-missing"),
        ('on renewal say "Take {{ offer.name }}"', "variable-without-offer"),
    ],
)
def test_it_finds(text: str, code: str):
    assert code in codes(text)


@pytest.mark.parametrize(
    "text",
    [
        "on renewal where country = US or country is not US tag x",
        "on renewal where tenure > 12 and seats > 6 tag x",
        "on renewal where plan in (basic, premium) offer premium",
        "on renewal where plan in (basic, premium) offer priority_support",
        "segment loyal: tenure > 24\non renewal where loyal tag x",
        'on renewal where first_name is known say "Hi {{ first_name }}"',
        "on renewal say \"Hi {{ first_name | default: 'friend' }}\"",
        'on renewal say "{% if first_name %}Hi {{ first_name }}{% endif %}"',
        'on birthday say "You were born on {{ date_of_birth }}"',
        'on renewal offer premium say "Take {{ offer.name }}"',
        'on usage_alert say "{{ event.level }} of {{ event.quota }}"',
        'on website_visit where event.page is known say "{{ event.page }}"',
    ],
)
def test_it_is_silent(text: str):
    assert codes(text) == set()


# --- rules among each other -------------------------------------------------------------------------------------------


def found_relations(text: str) -> tuple[dict[str, Rule], dict[str, Relations]]:
    ruleset = checked(text)
    ((use, listening),) = by_moment(ruleset.rules).items()
    return {rule.name: rule for rule in ruleset.rules}, dict(relations(ruleset.catalog, use.moment, listening))


FIRST = "rule first on renewal where tenure > 12 and plan in (basic, standard) offer premium priority 10\n"


def test_a_rule_under_a_wider_one_is_shadowed_and_the_example_shows_it():
    rules, found = found_relations(FIRST + "rule second on renewal where tenure > 24 and plan = basic offer family")
    second = found["second"]
    assert second.shadows == ("first",)
    for name in ("first", "second"):
        assert holds(rules[name].condition, second.example.row, second.example.today) is True


def test_several_together_shadow_a_rule():
    text = """
        rule small on renewal where seats < 5 say "a" priority 5
        rule large on renewal where seats >= 5 say "b" priority 6
        rule low on renewal where seats is known say "c"
        rule unknown on renewal where country = US say "d"
    """
    _, found = found_relations(text)
    assert set(found["low"].shadows) == {"small", "large"}
    assert found["unknown"].shadows == ()


@pytest.mark.parametrize(
    "change",
    [
        "at most once per 90 days",  # the winner may be silent
        "hold out 10%",
        "via in_app",  # and the second goes out by email
        "until 2026-12-31",
    ],
)
def test_a_winner_that_may_be_held_shadows_nobody(change: str):
    text = f"{FIRST.strip()} {change}\nrule second on renewal where tenure > 24 and plan = basic offer family"
    assert "shadowed" not in codes(text)


def test_a_winner_whose_offer_some_have_already_shadows_nobody():
    text = (
        "rule a on renewal where tenure > 12 offer premium priority 9\nrule b on renewal where tenure > 24 offer family"
    )
    assert "shadowed" not in codes(text)


def test_rules_that_can_meet_need_a_priority_and_the_example_meets_both():
    text = """
        rule a on renewal where tenure > 12 and email ends with "@example.com" say "a"
        rule b on renewal where plan = basic and email starts with "ann" say "b"
        rule c on renewal where plan = premium and tenure < 6 say "c"
    """
    rules, found = found_relations(text)
    met = found["b"]
    assert met.meets == "a"
    for name in ("a", "b"):
        assert holds(rules[name].condition, met.example.row, met.example.today) is True
    assert "c" not in found


@pytest.mark.parametrize(
    "second",
    [
        'rule b on 1 day before renewal where plan = basic say "b"',
        'rule b on birthday where plan = basic say "b"',
        'rule b on renewal where plan = basic say "b" priority 1',
        'rule b on renewal where plan = premium say "b"',
        'rule b on renewal where plan = basic say "b" from 2027-01-01',
        "rule b on renewal where plan = basic tag b",
    ],
)
def test_rules_that_never_meet_need_none(second: str):
    assert "no-priority-between" not in codes(
        f'rule a on renewal where plan = basic say "a" until 2026-12-31\n{second}'
    )


def test_a_finding_says_what_and_for_whom():
    said = told("on renewal where plan = premium and tenure > 12 offer premium", "already-has")
    assert said.startswith("everybody whom this rule meets has premium already, for example one with plan = premium")


def test_counts_of_one_event_in_two_windows_are_no_example():
    text = """
        rule a on renewal where count of support_call in last 7 days > 3 say "a"
        rule b on renewal where count of support_call in last 30 days < 3 say "b"
        rule c on renewal where no download in last 30 days and any support_call in last 30 days say "c"
    """
    rules, found = found_relations(text)
    assert "b" not in found
    met = found["c"]
    assert met.meets == "b"
    at = dt.datetime(2026, 3, 15, 9, tzinfo=dt.UTC)
    events = [
        Happened(term.events.moment, at - dt.timedelta(hours=number))
        for term, count in met.example.counts.items()
        for number in range(count)
    ]
    history = History(at, dt.UTC, events)
    for name in ("b", "c"):
        assert holds(rules[name].condition, met.example.row, met.example.today, history) is True


def test_the_event_that_happens_has_happened():
    text = """
        rule a on website_visit where no website_visit in last 30 days say "a"
        rule b on website_visit where plan = basic say "b"
    """
    assert "no-priority-between" not in codes(text)


# --- live counts ------------------------------------------------------------------------------------------------------


class Counts:
    """Statistics of a base where 1,204 subscriptions have no plan and every other value is known."""

    def share_known(self, key: str) -> float | None:
        return 0.5 if key == "subscription.plan" else 1.0

    def missing(self, key: str) -> int | None:
        return 1204 if key == "subscription.plan" else 0


def test_a_clause_that_leaves_rows_out_tells_how_many():
    ruleset = checked("on renewal where plan is not basic and not autopay tag x")
    (found,) = lint(ruleset, Counts())
    assert found.code == "missing-never-matches"
    assert found.message.startswith("1,204 subscriptions have no known plan and never match")


def test_a_variable_that_everybody_has_is_no_finding():
    ruleset = checked('on renewal say "Hi {{ first_name }}, {{ plan }}"')
    (found,) = lint(ruleset, Counts())
    assert "1,204 subscriptions have none" in found.message
