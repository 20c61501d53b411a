"""Who may come in: people by name and password, programs by a bearer token.

Passwords are kept as werkzeug's salted hashes, tokens as their SHA-256: a token is long and random, so a plain digest
is safe and can be looked up. Neither can be read back.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import secrets
from dataclasses import dataclass
from functools import cache

from sqlalchemy import Connection, insert, select
from werkzeug.security import check_password_hash, generate_password_hash

from engine.errors import CarpeError
from engine.store.tables import tokens, users

ROLES = ("editor", "viewer")

_NAME = re.compile(r"[a-z0-9][a-z0-9_.@-]{0,63}")


@cache
def _nobody() -> str:
    """Checked against where the name is unknown, so that the answer takes as long as for a wrong password.

    Made when it is first asked for: it takes as long as all the rest of a command's start.
    """
    return generate_password_hash(secrets.token_urlsafe(16))


class AccessRefused(CarpeError):
    """This user cannot be made."""


@dataclass(frozen=True, slots=True)
class User:
    """A person who may sign in. `stamp` changes with the password: a session that carries another one is over."""

    name: str
    role: str
    stamp: str

    @property
    def may_edit(self) -> bool:
        return self.role == "editor"


def create_user(connection: Connection, name: str, password: str, role: str, now: dt.datetime) -> None:
    """Add a person; raises AccessRefused for a taken or odd name, an empty password or an unknown role."""
    if not _NAME.fullmatch(name):
        raise AccessRefused(f"The name {name!r} is not allowed: use small letters, digits and . _ - @, 64 at most.")
    if not password:
        raise AccessRefused("A password cannot be empty.")
    if role not in ROLES:
        raise AccessRefused(f"The role {role!r} is unknown: use editor or viewer.")
    if find_user(connection, name) is not None:
        raise AccessRefused(f"There is a user called {name} already.")
    row = {"name": name, "password_hash": generate_password_hash(password), "role": role, "created_at": now}
    connection.execute(insert(users).values(row))


def check_password(connection: Connection, name: str, password: str) -> str | None:
    """The user's role where the password is right, else None."""
    row = connection.execute(select(users.c.password_hash, users.c.role).where(users.c.name == name)).first()
    right = check_password_hash(row.password_hash if row else _nobody(), password)
    return str(row.role) if row and right else None


def find_user(connection: Connection, name: str) -> User | None:
    row = connection.execute(select(users).where(users.c.name == name)).first()
    return User(row.name, row.role, _digest(row.password_hash)[:16]) if row else None


def create_token(connection: Connection, name: str, now: dt.datetime) -> str:
    """A new token for the program called `name`: shown now and never again."""
    token = f"carpe_{secrets.token_urlsafe(32)}"
    connection.execute(insert(tokens).values(digest=_digest(token), name=name, created_at=now))
    return token


def check_token(connection: Connection, token: str) -> str | None:
    """The name of the program that holds this token, or None."""
    return connection.execute(select(tokens.c.name).where(tokens.c.digest == _digest(token))).scalar_one_or_none()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
