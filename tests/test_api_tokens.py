"""A token that is known is looked up once in a while; one that is not, or no longer, stays outside."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from engine.access import create_token
from engine.store.session import Store
from engine.store.tables import tokens
from web.api_tokens import KNOWN_FOR, MOST, Tokens

NOW = dt.datetime(2026, 3, 15, tzinfo=dt.UTC)


class Clock:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_a_token_that_is_taken_back_is_out_after_a_moment(store: Store) -> None:
    clock = Clock()
    known = Tokens(store, clock)
    with store.write() as connection:
        token = create_token(connection, "shop", NOW)
    assert known.holder(token)
    assert not known.holder(token + "x")
    with store.write() as connection:
        connection.execute(sa.delete(tokens))
    clock.seconds += KNOWN_FOR - 0.01
    assert known.holder(token)
    clock.seconds += 0.02
    assert not known.holder(token)
    assert not known.holder(token)


def test_a_new_token_is_in_at_once_and_guesses_do_not_fill_the_memory(store: Store) -> None:
    known = Tokens(store, Clock())
    assert not known.holder("carpe_later")
    with store.write() as connection:
        mine = [create_token(connection, "shop", NOW) for _ in range(MOST // 100)]
    assert all(known.holder(token) for token in mine)
    for number in range(50):
        assert not known.holder(f"guess-{number}")
    assert len(known._known) == len(mine)
