"""What was worked out before, kept while there is room."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Memory(Generic[T]):
    """Results by key, the last used ones, up to a total weight (characters of the texts they came from).

    Safe among threads; two that ask for the same new thing at once may both make it, and then share one.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.total = 0
        self.lock = Lock()
        self.kept: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()

    def recall(self, key: Hashable, weight: int, make: Callable[[], T]) -> T:
        """What `make` gave for this key, now or before."""
        with self.lock:
            if key in self.kept:
                self.kept.move_to_end(key)
                return self.kept[key][0]
        return self.put(key, make(), weight)

    def put(self, key: Hashable, made: T, weight: int) -> T:
        """Keep a result, and give what is kept: the one that was there before, if any."""
        with self.lock:
            if key not in self.kept:
                self.kept[key] = (made, weight)
                self.total += weight
            made = self.kept[key][0]
            while self.total > self.most and len(self.kept) > 1:
                self.total -= self.kept.popitem(last=False)[1][1]
        return made

    def items(self) -> list[tuple[Hashable, T, int]]:
        """Keys, results and weights, the last used one last."""
        with self.lock:
            return [(key, made, weight) for key, (made, weight) in self.kept.items()]

    def forget(self) -> None:
        with self.lock:
            self.kept.clear()
            self.total = 0
