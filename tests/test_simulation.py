"""Previews and explanations say what passes do, and write nothing."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
import sqlalchemy as sa

from dsl.typed import All
from engine.errors import CarpeError
from engine.matching.interpreter import holds
from engine.passes import run_pass
from engine.simulation.explain import explain
from engine.simulation.preview import preview
from engine.store.events import Event, put_events
from engine.store.schema import upgrade
from engine.store.session import Store, open_store
from engine.store.tables import decisions
from tests import world

NOW = dt.datetime(2026, 2, 28, 23, tzinfo=dt.UTC)
DAY = dt.date(2026, 2, 28)
RULES = world.ruleset()
MADE = world.world(200)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Path]:
    file = tmp_path_factory.mktemp("world") / "carpe.db"
    upgrade(f"sqlite:///{file}")
    store = open_store(f"sqlite:///{file}")
    world.put(store, RULES, MADE, NOW)
    told = [
        Event(f"e{n}", "website_visit", f"c{n:04}", NOW - dt.timedelta(hours=2), {"page": page, "seconds": 30.0})
        for n, page in enumerate(["/pricing", "/about", "/pricing/eu", "/pricing"])
    ]
    with store.write() as connection:
        put_events(connection, RULES.catalog, told, NOW)
    return store, file


@pytest.fixture
def fresh(tmp_path: Path) -> Store:
    upgrade(f"sqlite:///{tmp_path / 'carpe.db'}")
    store = open_store(f"sqlite:///{tmp_path / 'carpe.db'}")
    world.put(store, RULES, MADE, NOW)
    return store


def rule(name: str):
    found = RULES.rule(name)
    assert found is not None
    return found


def test_looking_writes_nothing(filled: tuple[Store, Path]):
    store, file = filled
    before = file.read_bytes()
    for each in RULES.rules:
        preview(store, RULES, each, DAY, NOW).to_json()
        explain(store, RULES, each, DAY, NOW, customer="c0001").to_json()
    assert file.read_bytes() == before


@pytest.mark.parametrize("each", RULES.rules, ids=lambda each: each.name)
def test_a_preview_counts_what_a_pass_decides_for_the_rule_alone(each, fresh: Store):
    alone = world.without(RULES, *(other.name for other in RULES.rules if other is not each))
    looked = preview(fresh, alone, each, DAY, NOW)
    report = run_pass(fresh, alone, NOW, day=DAY)
    assert sum(count for _, count in looked.outcomes) == report.total("offered") + report.total("held")
    assert dict(looked.outcomes).get("offered", 0) + dict(looked.outcomes).get("said", 0) + dict(looked.outcomes).get(
        "tagged", 0
    ) == report.total("offered")


def test_a_funnel_is_exact_clause_by_clause(filled: tuple[Store, Path]):
    store, _ = filled
    each = rule("backup_for_rich")
    looked = preview(store, RULES, each, DAY, NOW)
    assert [clause.text for clause in looked.clauses] == ["mrr > $20"]
    people = {person["customer.id"]: person for person in MADE.customers}
    verdicts = []
    from tests.test_passes import is_due

    for held in MADE.subscriptions:
        row = {**people[held["customer.id"]], **held}
        if held.get("subscription.status") != "cancelled":
            verdicts += [
                holds(each.condition, row, DAY) for use in each.moments if is_due(use.moment, 0, row, DAY) is not None
            ]
    without_any = {person["customer.id"] for person in MADE.customers} - {h["customer.id"] for h in MADE.subscriptions}
    verdicts += [None for name in without_any if is_due("birthday", 0, people[name], DAY) is not None]
    (clause,) = looked.clauses
    assert (clause.true, clause.false, clause.missing) == tuple(map(verdicts.count, (True, False, None)))
    assert clause.true + clause.false + clause.missing == len(verdicts) > looked.due
    assert 0 < looked.matched <= verdicts.count(True)
    assert any(f"counted for each of the {len(verdicts)}." in note for note in looked.notes)


def test_an_event_moment_is_previewed_on_the_events_of_the_day(filled: tuple[Store, Path]):
    store, _ = filled
    days = [preview(store, RULES, rule("curious"), DAY + dt.timedelta(n), NOW) for n in (-1, 0, 1)]
    statuses = [
        [held.get("subscription.status") for held in MADE.subscriptions if held["customer.id"] == f"c{n:04}"]
        for n in range(4)
    ]
    met = [not held or any(status != "cancelled" for status in held) for held in statuses]
    assert sum(each.due for each in days) == sum(met) >= 3
    assert sum(each.matched for each in days) == sum(met) - met[1]  # the second read another page


def test_samples_mask_what_is_personal(filled: tuple[Store, Path]):
    store, _ = filled
    rules = world.ruleset('on billing_anniversary where email is known say "Mail {{ email }} {{ first_name }}"')
    looked = preview(store, rules, rules.rules[0], DAY, NOW)
    assert looked.samples
    for sample in looked.samples:
        assert sample.body is not None
        assert sample.body.startswith("Mail ••• ")
        assert sample.values["customer.email"] == "•••"


@pytest.mark.parametrize("each", RULES.rules, ids=lambda each: each.name)
def test_an_explanation_agrees_with_the_pass(each, fresh: Store):
    """Before the pass it says what would be if nobody else competed; after it, what was decided."""
    alone = world.without(RULES, *(other.name for other in RULES.rules if other is not each))
    subjects = [{"subscription": held["subscription.id"]} for held in MADE.subscriptions[:60]]
    before = [explain(fresh, alone, each, DAY, NOW, **subject) for subject in subjects]
    run_pass(fresh, alone, NOW, day=DAY)
    after = [explain(fresh, alone, each, DAY, NOW, **subject) for subject in subjects]
    with fresh.read() as connection:
        names = ("subject", "subscription_id", "result", "detail")
        decided = {
            (subject, subscription): result == "held" and detail != each.name  # its other moment won the occasion
            for subject, subscription, result, detail in connection.execute(
                sa.select(*(decisions.c[name] for name in names))
            )
        }
    for early, late, subject in zip(before, after, subjects, strict=True):
        key = subject["subscription"]
        if (key, key) in decided:
            assert early.due
            assert early.verdict is True
            assert late.outcome.startswith("Decided on ")
            assert ("held, because" in early.outcome) == decided[key, key], early.outcome
        elif each.moments[0].moment != "birthday" and each.moments[-1].moment != "birthday":
            assert not (early.due and early.verdict is True)
            assert early.outcome == late.outcome


def test_whom_nobody_knows_is_told_in_a_sentence(filled: tuple[Store, Path]):
    store, _ = filled
    with pytest.raises(CarpeError, match="There is no subscription s9"):
        explain(store, RULES, RULES.rules[0], DAY, NOW, subscription="s9")
    with pytest.raises(CarpeError, match="There is no customer c9"):
        explain(store, RULES, RULES.rules[0], DAY, NOW, customer="c9")


def test_a_rule_without_a_condition_has_no_funnel(filled: tuple[Store, Path]):
    store, _ = filled
    assert rule("wishes").condition == All(())
    assert preview(store, RULES, rule("wishes"), DAY, NOW).clauses == ()
