"""The lease: one holder at a time by the database's clock, tokens that only grow, nothing of a past holder's lands."""

from __future__ import annotations

import datetime as dt
import random

import pytest
import sqlalchemy as sa

from engine.clock import utc_now
from engine.lease import TERM, LostLease, acquire, holder, release, renew
from engine.store.database_clock import database_now
from engine.store.meta import get_meta, set_meta
from engine.store.session import Store

START = dt.datetime(2026, 3, 15, 12, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)


class Clock:
    """The database's clock, in our hands."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self, connection: sa.Connection) -> dt.datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def take(store: Store, who: str, clock: Clock) -> int | None:
    with store.write() as connection:
        return acquire(connection, who, clock)


def keeps(store: Store, who: str, token: int, clock: Clock) -> bool:
    try:
        with store.write() as connection:
            renew(connection, who, token, clock)
    except LostLease:
        return False
    return True


def test_one_holds_it_until_its_term_is_over(store: Store, clock: Clock) -> None:
    assert take(store, "a", clock) == 1
    assert take(store, "b", clock) is None
    clock.now += TERM - SECOND
    assert take(store, "b", clock) is None
    clock.now += SECOND
    assert take(store, "b", clock) == 2
    assert not keeps(store, "a", 1, clock)
    assert keeps(store, "b", 2, clock)


def test_renewing_moves_the_end(store: Store, clock: Clock) -> None:
    assert take(store, "a", clock) == 1
    for _ in range(5):
        clock.now += TERM - SECOND
        assert keeps(store, "a", 1, clock)
        assert take(store, "b", clock) is None


def test_a_term_that_is_over_cannot_be_renewed_though_nobody_took_over(store: Store, clock: Clock) -> None:
    assert take(store, "a", clock) == 1
    clock.now += TERM
    assert not keeps(store, "a", 1, clock)
    assert take(store, "a", clock) == 2


def test_what_is_released_is_free_at_once_and_only_by_its_holder(store: Store, clock: Clock) -> None:
    assert take(store, "a", clock) == 1
    with store.write() as connection:
        release(connection, "b", 1)
        release(connection, "a", 0)
    assert take(store, "b", clock) is None
    with store.write() as connection:
        release(connection, "a", 1)
    assert take(store, "b", clock) == 2


def test_a_lease_given_by_a_clock_that_was_set_back_binds_nobody_for_years(store: Store, clock: Clock) -> None:
    clock.now = START + dt.timedelta(days=400)
    assert take(store, "a", clock) == 1
    clock.now = START
    assert take(store, "b", clock) == 2


def test_status_reads_who_holds_it(store: Store, clock: Clock) -> None:
    with store.read() as connection:
        assert holder(connection, clock) is None
    take(store, "a", clock)
    with store.read() as connection:
        found = holder(connection, clock)
        assert found is not None
        assert (found.holder, found.token, found.until) == ("a", 1, START + TERM)
        clock.now += TERM
        assert holder(connection, clock) is None


def test_whatever_happens_one_holds_and_tokens_grow(store: Store, clock: Clock) -> None:
    """Against a model of three lines: who, which token, until when."""
    rng = random.Random(4)
    who, token, until = "", 0, START
    tokens: dict[str, int] = {}
    for _ in range(60):
        clock.now += rng.choice([SECOND, TERM / 3, TERM])
        name, act = rng.choice("abc"), rng.choice(["acquire", "renew", "release"])
        mine = (who, token) == (name, tokens.get(name)) and clock.now < until
        if act == "acquire":
            free = clock.now >= until
            assert take(store, name, clock) == (token + 1 if free else None)
            if free:
                who, token, until = name, token + 1, clock.now + TERM
                tokens[name] = token
        elif act == "renew":
            assert keeps(store, name, tokens.get(name, 0), clock) == mine
            until = clock.now + TERM if mine else until
        else:
            with store.write() as connection:
                release(connection, name, tokens.get(name, 0))
            until = START if (who, token) == (name, tokens.get(name)) else until


# --- fencing ---------------------------------------------------------------------------------------------------------


def written(store: Store, who: str, token: int, clock: Clock) -> None:
    """A transaction of a holder's work."""
    with store.write() as connection:
        renew(connection, who, token, clock)
        set_meta(connection, "work", who)


def test_the_late_transaction_of_a_past_holder_is_rolled_back(store: Store, clock: Clock) -> None:
    """It was suspended between two batches; somebody else works by now."""
    take(store, "a", clock)
    written(store, "a", 1, clock)
    clock.now += TERM
    take(store, "b", clock)
    written(store, "b", 2, clock)
    with pytest.raises(LostLease):
        written(store, "a", 1, clock)
    with store.read() as connection:
        assert get_meta(connection, "work") == "b"


def test_what_was_written_before_the_question_is_rolled_back_too(store: Store, clock: Clock) -> None:
    take(store, "a", clock)
    clock.now += TERM

    def late() -> None:
        with store.write() as connection:
            set_meta(connection, "work", "a")
            renew(connection, "a", 1, clock)

    with pytest.raises(LostLease):
        late()
    with store.read() as connection:
        assert get_meta(connection, "work") is None


def test_nobody_takes_over_in_the_middle_of_a_transaction(store: Store, clock: Clock) -> None:
    """The holder's batch runs longer than its term: the other waits for its commit, and then it is not over."""
    if store.dialect != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    take(store, "a", clock)
    with store.write() as working:
        renew(working, "a", 1, clock)
        clock.now += 2 * TERM
        with store.write() as other:
            assert acquire(other, "b", clock) is None
    assert take(store, "b", clock) == 2


def test_the_database_s_clock_is_an_instant_of_now(store: Store) -> None:
    before = utc_now()
    with store.write() as connection:
        first, second = database_now(connection), database_now(connection)
    assert before - SECOND < first <= second < utc_now() + SECOND
