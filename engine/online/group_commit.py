"""Group commit: callers that come while one commits are written together by the next commit.

A durable commit costs a disk's answer, whatever it holds, so nobody commits alone while others wait. The first caller
that finds nobody writing *leads*: it takes all that wait, writes them at once and tells each what became of it; then
the first of those who came meanwhile leads. There is no thread to start, to watch or to drain: whoever waits for an
answer is there to write it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from engine.errors import StoreError

Asked = TypeVar("Asked")
Told = TypeVar("Told")

MOST = 256
"""So many of one commit; a caller that brings more has one for itself."""

MOMENT, MOMENTS = 0.0003, 6
"""Seconds that a leader waits, and how often, for callers who were just answered: mostly they come again, and share its
commit. Less than a disk takes for a commit of their own."""


class _Place(Generic[Asked, Told]):
    """A caller in the queue. `woken` is held until it is answered, or `leads`."""

    __slots__ = ("asked", "error", "leads", "told", "woken")

    def __init__(self, asked: Sequence[Asked]) -> None:
        self.asked = asked
        self.told: Sequence[Told] | None = None
        self.error: BaseException | None = None
        self.leads = False
        self.woken = threading.Lock()
        self.woken.acquire()


class GroupCommit(Generic[Asked, Told]):
    """Calls `commit`, never twice at a time, with all that waits; it answers each, in order.

    What `commit` raises is raised at every caller of the group.
    """

    def __init__(
        self, commit: Callable[[Sequence[Asked]], Sequence[Told]], sleep: Callable[[float], object] = time.sleep
    ) -> None:
        self._commit, self._sleep = commit, sleep
        self._lock = threading.Lock()
        self._waiting: deque[_Place[Asked, Told]] = deque()
        self._is_led = False
        self._callers = 1  # who may come

    def ask(self, asked: Sequence[Asked]) -> Sequence[Told]:
        """The answers, which are on disk by then."""
        place = _Place[Asked, Told](asked)
        with self._lock:
            self._waiting.append(place)
            place.leads, self._is_led = not self._is_led, True
        if not place.leads:
            self._wait(place)
        if place.leads:
            self._lead(place)
        if place.error is not None:
            raise place.error
        assert place.told is not None
        return place.told

    def _wait(self, place: _Place[Asked, Told]) -> None:
        try:
            place.woken.acquire()
        except BaseException:  # a signal: this caller goes, and leaves nothing undone to the others
            with self._lock:
                if place in self._waiting:
                    self._waiting.remove(place)
                if place.leads:
                    self._hand_over()
            raise

    def _lead(self, place: _Place[Asked, Told]) -> None:
        """Write the group at the head of the queue, this place first; wake them, and who leads next."""
        try:
            self._gather()
            group = self._take()
            self._answer(group)
            for other in group[1:]:
                other.woken.release()
        finally:
            with self._lock:
                if place in self._waiting:  # a signal came before anything was taken
                    self._waiting.remove(place)
                self._hand_over()

    def _gather(self) -> None:
        """Wait a little for as many callers as the groups before had; who calls alone waits for nobody."""
        for _ in range(MOMENTS):
            if len(self._waiting) >= self._callers:
                return
            self._sleep(MOMENT)

    def _hand_over(self) -> None:
        self._is_led = bool(self._waiting)
        if self._is_led:
            self._waiting[0].leads = True
            self._waiting[0].woken.release()

    def _take(self) -> list[_Place[Asked, Told]]:
        with self._lock:
            group = [self._waiting.popleft()]
            size = len(group[0].asked)
            while self._waiting and (size := size + len(self._waiting[0].asked)) <= MOST:
                group.append(self._waiting.popleft())
        self._callers = max(len(group), self._callers - 1)  # a caller less, until none is waited for in vain
        return group

    def _answer(self, group: Sequence[_Place[Asked, Told]]) -> None:
        try:
            told = iter(self._commit([one for place in group for one in place.asked]))
            for place in group:
                place.told = [next(told) for _ in place.asked]
        except BaseException as error:
            for place in group:
                place.told, place.error = None, _own(error)


def _own(error: BaseException) -> BaseException:
    """The error for one caller: threads that raise the same object would write into each other's traceback."""
    if not isinstance(error, StoreError):
        return error
    mine = type(error)(str(error))
    mine.__cause__ = error
    return mine
