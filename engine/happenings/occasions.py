"""Whom the rows of a batch ask about, and seen from when."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dsl.typed import Window
from engine.happenings.spans import microseconds, span
from engine.store.bulk import instant_text

Numbers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class Bounds(NamedTuple):
    """The window of each row: what counts happened after `after` and not after `upto` (microseconds of Unix time).

    Where a row's bounds are not `exact`, what lies between them must be looked at (`spans`).
    """

    after: Numbers
    upto: Numbers
    exact: Mask


class Occasions:
    """The keys of a batch (`moments.subjects.SCHEMA`), a place a row; each distinct instant and zone is met once."""

    def __init__(self, table: pa.Table) -> None:
        self.size: int = table.num_rows
        self.customers: list[str] = table["customer"].to_pylist()
        self.subscriptions: list[str | None] = table["subscription"].to_pylist()
        instants, zones = pc.unique(table["due_at"]), pc.unique(table["zone"])
        keys = pc.index_in(table["due_at"], instants).to_numpy() * len(zones)
        keys = keys.astype(np.int64) + pc.index_in(table["zone"], zones).to_numpy()
        distinct, self._place = np.unique(keys, return_inverse=True)
        at, zone = instants.to_pylist(), zones.to_pylist()
        self._seen_from = [(at[key // len(zones)], zone[key % len(zones)]) for key in distinct.tolist()]
        self._bounds: dict[Window | None, Bounds] = {}
        self.now = self.bounds(None).upto

    def bounds(self, window: Window | None) -> Bounds:
        """The window of each row; None is ever."""
        if window not in self._bounds:
            distinct = [span(window, at, zone) for at, zone in self._seen_from]
            after = np.array([microseconds(one.after) for one in distinct], np.int64)[self._place]
            upto = np.array([microseconds(one.upto) for one in distinct], np.int64)[self._place]
            exact = np.array([one.exact for one in distinct], np.bool_)[self._place]
            self._bounds[window] = Bounds(after, upto, exact)
        return self._bounds[window]

    def seen_from(self, row: int) -> tuple[dt.datetime, ZoneInfo]:
        """The instant and the zone of a row."""
        at, zone = self._seen_from[self._place[row]]
        return at, ZoneInfo(zone)

    def instants(self) -> list[str]:
        """What `now` is for each row, in stored form."""
        distinct = [instant_text(at) for at, _ in self._seen_from]
        return [distinct[place] for place in self._place.tolist()]

    def zones(self) -> list[ZoneInfo]:
        """Each row's zone."""
        distinct = [ZoneInfo(zone) for _, zone in self._seen_from]
        return [distinct[place] for place in self._place.tolist()]
