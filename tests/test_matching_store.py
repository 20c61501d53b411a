"""From the store to the match: a due batch's columns say what a customer's rows of state say."""

from __future__ import annotations

import datetime as dt
import random

from dsl.catalog import AttributeDeclaration, Catalog, Owner
from dsl.datatypes import Value
from dsl.operators import OPERATORS
from dsl.typed import All, Condition, MomentUse, Not
from dsl.typed import Test as Asked
from engine.matching.interpreter import holds
from engine.matching.plan import compile_plan
from engine.matching.reads import attributes_of
from engine.moments.due import due_batch
from engine.store.session import Store
from engine.store.state import customer_rows, put_customers, put_subscriptions
from tests.strategies import ATTRIBUTES, TERMS, make_rows, operands_of, operators_of, rule

TODAY = dt.date(2024, 2, 29)
NOW = dt.datetime(2024, 2, 1, tzinfo=dt.UTC)
BUILT_IN = {"customer.tags", "subscription.currency"}


def declared(owner: Owner) -> dict[str, AttributeDeclaration]:
    mine = [one for one in ATTRIBUTES if one.owner is owner and one.key not in BUILT_IN]
    return {one.name: AttributeDeclaration(one.name, owner, one.type) for one in mine}


CATALOG = Catalog("USD", "UTC", customer=declared(Owner.CUSTOMER), subscription=declared(Owner.SUBSCRIPTION))


def some_rules(count: int) -> list[Condition]:
    rng = random.Random(11)
    stored = [term for term in TERMS if attributes_of(term)[0].owner is not Owner.EVENT]

    def ask() -> Condition:
        term = rng.choice(stored)
        name = rng.choice(operators_of(term))
        number = OPERATORS[name].operands
        pool = operands_of(term, name, TODAY) if number != 0 else []
        test = Asked(name, term, tuple(rng.choice(pool) for _ in range(2 if number is None else number)))
        return Not(test) if rng.random() < 0.3 else test

    return [All(tuple(ask() for _ in range(rng.choice((1, 1, 2))))) for _ in range(count)]


def test_columns_and_rows_of_the_store_match_alike(store: Store) -> None:
    rng = random.Random(5)
    drawn = make_rows(250, TODAY, seed=3)
    customers: list[dict[str, Value]] = []
    subscriptions: list[dict[str, Value]] = []
    for number, row in enumerate(drawn):
        whose = f"c{number:03}"
        customers.append({"customer.id": whose} | {k: v for k, v in row.items() if k.startswith("customer.")})
        for held in range(rng.randrange(3)):
            state = drawn[(number + held) % len(drawn)]
            mine = {key: value for key, value in state.items() if key.startswith("subscription.")}
            subscriptions.append({"customer.id": whose, "subscription.id": f"{whose}-{held}"} | mine)
    some = some_rules(300)
    plan = compile_plan([rule(condition) for condition in some])
    use = MomentUse(TODAY.isoformat(), 0, TODAY)
    with store.write() as connection:
        put_customers(connection, CATALOG, customers, NOW)
        put_subscriptions(connection, CATALOG, subscriptions, NOW)
    with store.read() as connection:
        table = due_batch(connection, CATALOG, use, TODAY, None, None, plan.attributes)
        states = {
            str(row["customer.id"]): customer_rows(connection, CATALOG, str(row["customer.id"])) for row in customers
        }
    matches = plan.match_batch(table, TODAY)
    found = set(zip(matches["row"].to_pylist(), matches["rule"].to_pylist(), strict=True))
    assert table.num_rows == sum(max(1, len(state.subscriptions)) for state in states.values() if state is not None)
    for number, occurrence in enumerate(table.select(["customer", "subscription"]).to_pylist()):
        state = states[occurrence["customer"]]
        assert state is not None
        which = occurrence["subscription"]
        subscription = next((one for one in state.subscriptions if one["subscription.id"] == which), {})
        row = {**state.customer, **subscription}
        expected = [n for n, condition in enumerate(some) if holds(condition, row, TODAY) is True]
        assert plan.match_row(row, TODAY) == expected
        assert [n for n in range(len(some)) if (number, n) in found] == expected
