"""Assignments that stay, exposures that are counted once a customer, and the list of those not to be written to."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from engine.store.experiments import Exposure, assign, assigned, expose, exposed_by_arm
from engine.store.session import Store, open_store
from engine.store.suppressions import (
    EVERY_CHANNEL,
    suppress_address,
    suppress_customer,
    suppressed_addresses,
    suppressed_customers,
)
from tests.offer_world import NOW, decide, premium

LATER = NOW + dt.timedelta(days=1)


def test_the_first_assignment_stays(store: Store) -> None:
    with store.write() as connection:
        assert assign(connection, {("a", "c1"): "small", ("b", "c1"): "control"}, NOW) == {
            ("a", "c1"): "small",
            ("b", "c1"): "control",
        }
    with store.write() as connection:
        assert assign(connection, {("a", "c1"): "large", ("a", "c2"): "large"}, LATER) == {
            ("a", "c1"): "small",
            ("a", "c2"): "large",
        }
        assert assigned(connection, ["a"], ["c1", "c2", "c3"]) == {("a", "c1"): "small", ("a", "c2"): "large"}
        assert assign(connection, {}, NOW) == {}


def test_workers_who_disagree_are_told_the_same(store: Store, database_url: str) -> None:
    barrier = Barrier(3)

    def work(number: int) -> dict[tuple[str, str], str]:
        mine = open_store(database_url)
        barrier.wait()
        with mine.write() as connection:
            found = assign(connection, {("a", f"c{n}"): f"arm {number}" for n in range(50)}, NOW)
        mine.close()
        return found

    with ThreadPoolExecutor(3) as pool:
        first, second, third = pool.map(work, range(3))
    assert first == second == third
    assert len(first) == 50


def test_a_customer_is_counted_once_an_arm(store: Store) -> None:
    made = [premium(0, "d1"), premium(0, "d2"), premium(1, "d3")]
    with store.write() as connection:
        decide(connection, made)
        expose(connection, [Exposure("a", each.id, each.customer_id, "small") for each in made[:2]], NOW)
        expose(connection, [Exposure("a", "d3", "c1", "held out", ghost=True)], NOW)
        assert exposed_by_arm(connection, "a") == {"small": 1, "held out": 1}
        assert exposed_by_arm(connection, "b") == {}


def test_who_is_on_the_list_is_not_written_to(store: Store) -> None:
    with store.write() as connection:
        suppress_customer(connection, "c1", "asked", NOW, "email")
        suppress_customer(connection, "c1", "asked again", NOW, "email")
        suppress_customer(connection, "c1", "moved", NOW, "sms")
        suppress_customer(connection, "c2", "died", NOW)
        suppress_address(connection, " Anna@Example.com", "bounced", NOW, "email")
        assert suppressed_customers(connection, ["c1", "c2", "c3"]) == {
            "c1": {"email", "sms"},
            "c2": {EVERY_CHANNEL},
        }
        assert suppressed_addresses(connection, ["anna@example.com", "bob@example.com"]) == {
            "anna@example.com": {"email"}
        }
        assert suppressed_customers(connection, ["anna@example.com"]) == {}
