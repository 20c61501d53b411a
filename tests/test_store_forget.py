"""Forgetting a person: nothing in any table tells who it was; once-only keys and counts stay."""

from __future__ import annotations

import datetime as dt
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from dsl.catalog import Catalog
from engine.store import tables
from engine.store.events import Event, put_events
from engine.store.forget import forget
from engine.store.session import Store
from engine.store.state import Row, customer_rows, put_customers, put_subscriptions

NOW = dt.datetime(2026, 3, 15, 12, tzinfo=dt.UTC)
DAY = NOW.date()
SECRETS = ("anna-7", "sub-anna", "Annabelle", "annabelle@example.com", "Dear Annabelle")


def person(key: str, name: str) -> Row:
    return {
        "customer.id": key,
        "customer.first_name": name,
        "customer.email": f"{name.lower()}@example.com",
        "customer.date_of_birth": dt.date(1990, 5, 17),
    }


def decision(key: str, customer: str, subject: str, occurrence: str, **more: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "id": key,
        "rule": "greet",
        "moment": "birthday",
        "offset": 0,
        "subject": subject,
        "occurrence": occurrence,
        "customer_id": customer,
        "subscription_id": None,
        "result": "said",
        "reason": None,
        "detail": None,
        "offer": None,
        "channels": ["in_app"],
        "slot": 0,
        "local_date": DAY,
        "due_at": NOW,
        "decided_at": NOW,
        "ruleset": "r",
        "pass_id": None,
    }
    return base | more


def delivery(number: int, decision_id: str, customer: str, state: str) -> dict[str, Any]:
    return {
        "id": number,
        "decision_id": decision_id,
        "channel": "in_app",
        "customer_id": customer,
        "state": state,
        "due_at": NOW,
        "attempts": 1,
        "content": {"body": "Dear Annabelle"},
    }


@pytest.fixture
def peopled(store: Store, shop: Catalog) -> Store:
    with store.write() as connection:
        people = [person("anna-7", "Annabelle"), person("bob", "Bob")]
        held: list[Row] = [
            {"customer.id": "anna-7", "subscription.id": "sub-anna", "subscription.started_on": DAY},
            {"customer.id": "bob", "subscription.id": "sub-bob", "subscription.started_on": DAY},
        ]
        put_customers(connection, shop, people, NOW)
        put_subscriptions(connection, shop, held, NOW)
        changed = [one | {"customer.satisfaction": 9.0} for one in people]
        put_customers(connection, shop, changed, NOW + dt.timedelta(days=1))
        seats = [one | {"subscription.seats": 2} for one in held]
        put_subscriptions(connection, shop, seats, NOW + dt.timedelta(days=1))
        visits = [Event(f"e-{key}", "website_visit", key, NOW, {"page": f"/{key}"}) for key in ("anna-7", "bob")]
        put_events(connection, shop, visits, NOW)
        connection.execute(
            insert(tables.decisions),
            [
                decision("d1", "anna-7", "anna-7", "birthday:2026"),
                decision("d2", "anna-7", "sub-anna", "renewal:2026", subscription_id="sub-anna", moment="renewal"),
                decision("d3", "bob", "bob", "birthday:2026"),
                decision("d4", "anna-7", "sub-anna", "full:meter:sub-anna:full:storage:80:2026-03-01", moment="full"),
            ],
        )
        read = {"meter": "storage", "read_at": NOW, "used": 1.0, "recorded_at": NOW}
        both = [read | {"subscription_id": key} for key in ("sub-anna", "sub-bob")]
        connection.execute(insert(tables.readings), both)
        bodies = [{"decision_id": key, "body": {"first_name": "Annabelle"}} for key in ("d1", "d2", "d3")]
        connection.execute(insert(tables.receipts), bodies)
        deliveries = [
            delivery(1, "d1", "anna-7", "sent"),
            delivery(2, "d2", "anna-7", "pending"),
            delivery(3, "d3", "bob", "pending"),
        ]
        connection.execute(insert(tables.deliveries), deliveries)
        put_offers(connection)
    return store


def put_offers(connection: Connection) -> None:
    """An offer each to Annabelle and Bob, with all that hangs on it."""
    for key, customer, subscription in (("d2", "anna-7", "sub-anna"), ("d3", "bob", "sub-bob")):
        about: dict[str, Any] = {"id": key, "rule": "greet", "product": "premium", "segment": "", "discount": 5}
        about |= {"quote": {"to": f"Dear {customer}"}, "basis": {"plan": "basic"}, "made_at": NOW, "state_at": NOW}
        who = {"customer_id": customer, "subscription_id": subscription}
        connection.execute(insert(tables.offers).values(about | who | {"state": "declined"}))
        said = {"offer_id": key, "state": "declined", "at": NOW, "key": f"from {customer}", "by": "shop"}
        connection.execute(insert(tables.offer_changes).values(said | {"reason": f"{customer} is away"}))
        body = {"customer": customer, "subscription": subscription}
        connection.execute(insert(tables.billing_changes).values(id=key, body=body, made_at=NOW))
        drawn = {"kind": "volume", "period": "day", "currency": "", "rule": "greet", "starts_on": DAY, "amount": 1}
        drawn |= {"decision_id": key, "customer_id": customer, "state": "confirmed"}
        connection.execute(insert(tables.draws).values(drawn))
        arm = {"experiment": "split:greet", "customer_id": customer, "arm": "small"}
        connection.execute(insert(tables.assignments).values(arm | {"assigned_at": NOW}))
        exposed = {"decision_id": key, "ghost": False, "exposed_at": NOW}
        connection.execute(insert(tables.exposures).values(arm | exposed))
        listed = {"kind": "customer", "who": customer, "channel": "email", "reason": f"{customer} asked", "at": NOW}
        connection.execute(insert(tables.suppressions).values(listed))
    address = {"kind": "address", "who": "5f2b", "channel": "", "reason": "bounced", "at": NOW}
    connection.execute(insert(tables.suppressions).values(address))


def everything(store: Store) -> dict[str, list[dict[str, Any]]]:
    with store.read() as connection:
        return {
            table.name: [dict(row._mapping) for row in connection.execute(select(table))]
            for table in tables.metadata.sorted_tables
        }


def test_nothing_tells_who_it_was(peopled: Store) -> None:
    with peopled.write() as connection:
        forgotten = forget(connection, "anna-7")
    rows = everything(peopled)
    for owner in ("d3", "bob"):
        assert any(owner in str(row) for table in rows.values() for row in table)
    others = {
        name: [row for row in table if "bob" not in str(row) and "d3" not in str(row)] for name, table in rows.items()
    }
    for secret in SECRETS:
        assert secret not in str(others)
    assert forgotten.counts == {
        "receipts": 2,
        "deliveries": 2,
        "billing_changes": 1,
        "offer_changes": 1,
        "offers": 1,
        "assignments": 1,
        "suppressions": 1,
        "moves": 0,
        "delayed": 0,
        "events": 1,
        "readings": 1,
        "dates": 2,
        "subscriptions_history": 1,
        "customers_history": 1,
        "subscriptions": 1,
        "customers": 1,
        "decisions": 3,
    }


def test_statistics_and_once_only_keys_stay(peopled: Store) -> None:
    tokens = count(1)
    with peopled.write() as connection:
        forget(connection, "anna-7", lambda: f"token-{next(tokens)}")
    decisions = {row["id"]: row for row in everything(peopled)["decisions"]}
    assert decisions["d1"]["subject"] == decisions["d1"]["customer_id"] == decisions["d2"]["customer_id"] == "token-1"
    assert decisions["d2"]["subject"] == decisions["d2"]["subscription_id"] == "token-2"
    assert [decisions[key]["occurrence"] for key in ("d1", "d2")] == ["birthday:2026", "renewal:2026"]
    assert decisions["d4"]["occurrence"] == "full:meter:token-2:full:storage:80:2026-03-01"
    assert decisions["d3"]["customer_id"] == "bob"


def test_of_offers_and_experiments_the_numbers_stay(peopled: Store) -> None:
    tokens = count(1)
    with peopled.write() as connection:
        forget(connection, "anna-7", lambda: f"token-{next(tokens)}")
    rows = everything(peopled)
    offers = {row["id"]: row for row in rows["offers"]}
    assert (offers["d2"]["customer_id"], offers["d2"]["subscription_id"]) == ("token-1", "token-2")
    assert (offers["d2"]["state"], offers["d2"]["discount"], offers["d2"]["quote"]) == ("declined", 5, {})
    for table in ("draws", "exposures"):
        assert sorted(row["customer_id"] for row in rows[table]) == ["bob", "token-1"]
    assert {(row["kind"], row["who"]) for row in rows["suppressions"]} == {("address", "5f2b"), ("customer", "bob")}
    assert [row["customer_id"] for row in rows["assignments"]] == ["bob"]


def test_what_waited_is_withheld(peopled: Store) -> None:
    with peopled.write() as connection:
        forget(connection, "anna-7")
    deliveries = {row["id"]: row for row in everything(peopled)["deliveries"]}
    assert (deliveries[1]["state"], deliveries[1]["content"]) == ("sent", {})
    assert (deliveries[2]["state"], deliveries[2]["reason"], deliveries[2]["content"]) == ("withheld", "forgotten", {})
    assert deliveries[3]["state"] == "pending"


def test_the_same_id_again_is_a_new_person_to_whom_nothing_repeats(peopled: Store, shop: Catalog) -> None:
    with peopled.write() as connection:
        forget(connection, "anna-7")
        put_customers(connection, shop, [{"customer.id": "anna-7"}], NOW)
        state = customer_rows(connection, shop, "anna-7")
    assert state is not None
    assert state.customer == {"customer.id": "anna-7", "customer.tags": frozenset()}
    with (
        pytest.raises(IntegrityError),
        peopled.write() as connection,
    ):  # the id is the hash of rule, subject, occurrence
        connection.execute(insert(tables.decisions).values(decision("d1", "anna-7", "anna-7", "birthday:2026")))


def test_a_subscription_that_moved_on_stays_with_its_new_owner(peopled: Store, shop: Catalog) -> None:
    with peopled.write() as connection:
        put_subscriptions(connection, shop, [{"customer.id": "bob", "subscription.id": "sub-anna"}], NOW)
        forget(connection, "anna-7")
        state = customer_rows(connection, shop, "bob")
    assert state is not None
    assert [row["subscription.id"] for row in state.subscriptions] == ["sub-anna", "sub-bob"]


def test_nobody_is_found(store: Store) -> None:
    with store.write() as connection:
        assert not forget(connection, "nobody").found


def test_the_file_itself_forgets(peopled: Store) -> None:
    """SQLite keeps deleted text in free pages unless it is told to overwrite it."""
    if peopled.dialect != "sqlite":
        pytest.skip("PostgreSQL's files are vacuumed")
    file = Path(peopled.url.removeprefix("sqlite:///"))
    with peopled.write() as connection:
        forget(connection, "bob")
    assert b"bob@example.com" not in file.read_bytes()
