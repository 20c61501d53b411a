"""Users and tokens: what is kept, who comes in, what is refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, create_engine, select

from engine import access
from engine.store.tables import metadata, tokens, users

NOW = dt.datetime(2026, 3, 15, 9, tzinfo=dt.UTC)


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def test_the_right_password_gives_the_role(connection: Connection) -> None:
    access.create_user(connection, "ada", "correct horse", "editor", NOW)
    access.create_user(connection, "bob", "battery staple", "viewer", NOW)
    assert access.check_password(connection, "ada", "correct horse") == "editor"
    assert access.check_password(connection, "bob", "battery staple") == "viewer"


@pytest.mark.parametrize(("name", "password"), [("ada", "wrong"), ("ada", ""), ("eve", "correct horse"), ("", "")])
def test_anything_else_gives_nothing(connection: Connection, name: str, password: str) -> None:
    access.create_user(connection, "ada", "correct horse", "editor", NOW)
    assert access.check_password(connection, name, password) is None


def test_the_password_itself_is_not_kept(connection: Connection) -> None:
    access.create_user(connection, "ada", "correct horse", "editor", NOW)
    kept = connection.execute(select(users)).one()
    assert all("correct horse" not in str(value) for value in kept)


_ODD_NAMES = ["Ada", "", "a b", "a" * 65, "a/../b", "<b>"]


@pytest.mark.parametrize(
    ("name", "password", "role"),
    [*((name, "x", "editor") for name in _ODD_NAMES), ("ada", "", "editor"), ("ada", "x", "root")],
)
def test_odd_users_are_refused_in_one_sentence(connection: Connection, name: str, password: str, role: str) -> None:
    with pytest.raises(access.AccessRefused, match=r"^[A-Z].*\.$"):
        access.create_user(connection, name, password, role, NOW)
    assert connection.execute(select(users)).all() == []


def test_a_name_is_given_once(connection: Connection) -> None:
    access.create_user(connection, "ada", "one", "editor", NOW)
    with pytest.raises(access.AccessRefused, match="already"):
        access.create_user(connection, "ada", "two", "viewer", NOW)
    assert access.check_password(connection, "ada", "one") == "editor"


def test_the_stamp_tells_passwords_apart_and_gives_nothing_away(connection: Connection) -> None:
    access.create_user(connection, "ada", "same", "editor", NOW)
    access.create_user(connection, "bob", "same", "editor", NOW)
    ada, bob = access.find_user(connection, "ada"), access.find_user(connection, "bob")
    assert ada is not None
    assert bob is not None
    assert ada.stamp != bob.stamp
    assert ada.may_edit
    assert access.find_user(connection, "eve") is None


def test_a_token_opens_and_is_kept_as_a_digest(connection: Connection) -> None:
    token = access.create_token(connection, "shop", NOW)
    assert access.check_token(connection, token) == "shop"
    assert access.check_token(connection, token + "x") is None
    assert access.check_token(connection, "") is None
    kept = connection.execute(select(tokens)).one()
    assert all(token not in str(value) for value in kept)
    assert access.check_token(connection, kept.digest) is None


def test_two_tokens_may_bear_one_name(connection: Connection) -> None:
    first, second = (access.create_token(connection, "shop", NOW) for _ in range(2))
    assert first != second
    assert access.check_token(connection, first) == access.check_token(connection, second) == "shop"
