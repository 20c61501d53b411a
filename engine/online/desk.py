"""Where programs tell events: each is answered once what became of it is on disk; whoever waits shares a commit."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Sequence

from dsl.typed import Ruleset
from engine.errors import StoreError
from engine.online.drafts import Telling
from engine.online.group_commit import GroupCommit
from engine.online.incoming import Answer, IncomingEvent
from engine.online.telling import Told, tell
from engine.plans import plans_of
from engine.store.session import Store

_log = logging.getLogger("carpe.events")


class EventDesk:
    """Takes events from any number of threads. `ruleset` gives the rules that count now, once a commit."""

    def __init__(self, store: Store, ruleset: Callable[[], Ruleset]) -> None:
        self._store, self._ruleset = store, ruleset
        self._commits = GroupCommit[Telling, Told | Exception](self._commit)

    def tell(self, event: IncomingEvent, now: dt.datetime, *, decide: bool) -> Answer:
        """Keep an event, once, and decide it where that is asked.

        Raises EventRefused, EventConflict, or a CarpeError where nothing can be kept; then nothing was.
        """
        [told] = self.tell_all([Telling(event, now, decide)])
        if isinstance(told, Exception):
            raise told
        return told

    def tell_all(self, tellings: Sequence[Telling]) -> Sequence[Told | Exception]:
        """The same of several, in their order: what each alone is answered, or its exception."""
        return self._commits.ask(tellings)

    def _commit(self, tellings: Sequence[Telling]) -> Sequence[Told | Exception]:
        ruleset = self._ruleset()
        try:
            return self._write(ruleset, tellings)
        except StoreError:
            raise
        except Exception:
            # One of them broke the transaction of all: each is written alone, and the one at fault fails alone.
            _log.warning("%d events could not be written together; each is now alone", len(tellings), exc_info=True)
            return [self._alone(ruleset, telling) for telling in tellings]

    def _alone(self, ruleset: Ruleset, telling: Telling) -> Told | Exception:
        try:
            [told] = self._write(ruleset, [telling], careful=True)
        except Exception as error:
            return error
        return told

    def _write(self, ruleset: Ruleset, tellings: Sequence[Telling], *, careful: bool = False) -> Sequence[Told]:
        with self._store.write() as connection:
            return tell(connection, self._store, plans_of(ruleset), tellings, careful=careful)
