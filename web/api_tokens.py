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
        self._known_until: dict[str, float] = {}

    def is_known(self, token: str) -> bool:
        """Whether a program has this token."""
        now = self._seconds()
        if self._known_until.get(token, 0.0) > now:
            return True
        with self._store.read() as connection:
            known = check_token(connection, token) is not None
        if len(self._known_until) >= MOST:
            self._known_until.clear()
        if known:
            self._known_until[token] = now + KNOWN_FOR
        else:
            self._known_until.pop(token, None)
        return known
