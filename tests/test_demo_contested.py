"""The tour's contested decision: whom it names, what it costs, and what taking the offer changes."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from rich.console import Console

from dsl.typed import Ruleset
from engine.cli.contesting import accept_contested, show_contest
from engine.demo.contested import Contest, contest
from engine.demo.population import population
from engine.offers.states import State
from engine.passes import run_pass
from engine.rulebook import load
from engine.store.schema import upgrade
from engine.store.session import Store, open_store
from engine.store.state import customer_rows, put_customers, put_subscriptions
from engine.store.tables import decisions, offers

RULES = Path(__file__).resolve().parents[1] / "rules"
NOW = dt.datetime(2026, 11, 22, 10, 30, tzinfo=dt.UTC)
HORIZON = 12


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Ruleset]]:
    """A thousand customers of the example on one day, decided."""
    folder = tmp_path_factory.mktemp("contested")
    ruleset = load(RULES).ruleset
    assert ruleset is not None
    url = f"sqlite:///{folder / 'carpe.db'}"
    upgrade(url)
    store = open_store(url)
    customers, subscriptions = population(ruleset.catalog, 1_000, NOW.date(), seed=3)
    with store.write() as connection:
        put_customers(connection, ruleset.catalog, customers, NOW)
        put_subscriptions(connection, ruleset.catalog, subscriptions, NOW)
    run_pass(store, ruleset, NOW)
    yield store, ruleset
    store.close()


def found(world: tuple[Store, Ruleset]) -> Contest:
    store, ruleset = world
    with store.read() as connection:
        one = contest(connection, ruleset, NOW)
    assert one is not None
    return one


def said(world: tuple[Store, Ruleset], *, accept: bool = False) -> str:
    store, ruleset = world
    one = found(world)
    out = Console(width=100, record=True, file=io.StringIO())
    if accept:
        accept_contested(out, store, ruleset, one, NOW)
    else:
        show_contest(out, one, HORIZON)
    return " ".join(out.export_text().split())


def test_it_has_every_rule_that_met_the_occasion_and_one_winner(world: tuple[Store, Ruleset]) -> None:
    store, _ = world
    one = found(world)
    with store.read() as connection:
        met = connection.execute(
            sa.select(decisions.c.rule, decisions.c.slot).where(
                decisions.c.customer_id == one.decision.customer_id, decisions.c.due_at == one.decision.due_at
            )
        ).all()
    assert {each.rule for each in one.rivals} >= {row.rule for row in met}
    assert [row.rule for row in met if row.slot is not None] == [one.decision.rule] == [one.rivals[0].rule]
    assert len(one.rivals) > 1


def test_its_quote_is_the_one_that_was_promised(world: tuple[Store, Ruleset]) -> None:
    one = found(world)
    made = one.receipt.offer
    assert made is not None
    assert (made.price, made.currency) == (one.quote.price.minor, one.quote.price.currency)
    assert made.discount == one.quote.discount_cost.minor
    assert one.quote.amounts.value == made.quote["value"]


def test_it_is_told_in_plain_words(world: tuple[Store, Ruleset]) -> None:
    one, told = found(world), said(world)
    for each in one.rivals:
        assert f"{each.rule} (priority {each.priority}" in told
        assert each.became in told
    assert f"Its receipt ({one.decision.id})" in told
    assert str(one.quote.price) in told
    assert f"The customer saves {one.quote.saving}" in told
    bills = one.quote.invoices
    assert f"of {bills[0].amount}, {bills[0].day.day} {bills[0].day:%B %Y}" in told
    assert f"{bills[-1].day.day} {bills[-1].day:%B %Y}" in told


def test_taking_it_changes_the_subscription(world: tuple[Store, Ruleset]) -> None:
    """Last of this file: the world is another one afterwards."""
    store, ruleset = world
    one = found(world)
    told = said(world, accept=True)
    with store.read() as connection:
        state = connection.scalar(sa.select(offers.c.state).where(offers.c.id == one.decision.id))
        after = customer_rows(connection, ruleset.catalog, one.decision.customer_id)
    assert state == State.ACCEPTED
    assert "offered, then seen, then accepted" in told
    assert after is not None
    held = next(row for row in after.subscriptions if row["subscription.id"] == one.decision.subscription_id)
    assert one.decision.offer in (held["subscription.plan"], *held["subscription.addons"])  # type: ignore[misc]
    assert " before, " in told
