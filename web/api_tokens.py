"""Which tokens may come in, remembered for a moment: a program asks a thousand times a second, always with the same."""

from __future__ import annotations

import time
from collections.abc import Callable

from engine.access import check_token
from engine.store.session import Store

KNOWN_FOR = 2.0
"""Seconds for which a token that was found is not looked up again: so much longer one that was taken back works."""

MOST = 1_000
"""Tokens that are remembered."""


class Tokens:
    """Asks a store for tokens. One that is not known is looked up every time."""

    def __init__(self, store: Store, seconds: Callable[[], float] = time.monotonic) -> None:
        self._store, self._seconds = store, seconds
        self._known: dict[str, tuple[str, float]] = {}  # name, until when

    def holder(self, token: str) -> str | None:
        """The name of the program that has this token."""
        now = self._seconds()
        name, until = self._known.get(token, ("", 0.0))
        if until > now:
            return name
        with self._store.read() as connection:
            found = check_token(connection, token)
        if len(self._known) >= MOST:
            self._known.clear()
        if found is not None:
            self._known[token] = found, now + KNOWN_FOR
        else:
            self._known.pop(token, None)
        return found
