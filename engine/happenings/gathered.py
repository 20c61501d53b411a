"""Which of the events that were read a term counts: those inside its window, and those that satisfy its `where`.

Each is a mask over all events of a moment, worked out once for all terms that share it. A `where` is matched like a
rule: the batch form over the properties of all events at once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pyarrow as pa

from dsl.catalog import Owner
from dsl.typed import Attribute, Condition, Window
from engine.happenings.occasions import Bounds, Mask, Numbers, Occasions
from engine.happenings.packed import Gathered
from engine.happenings.spans import instant_of
from engine.matching.history import History
from engine.matching.plan import Plan
from engine.matching.terms import OWN_CURRENCY
from engine.store.columns import read_documents

NEVER = np.iinfo(np.int64).min
"""Before every instant."""


def inside(found: Gathered, occasions: Occasions, window: Window | None) -> Mask:
    """Which records lie in the window of their row."""
    bounds = occasions.bounds(window)
    mask: Mask = (found.at > bounds.after[found.row]) & (found.at <= bounds.upto[found.row])
    if not bounds.exact.all():
        _look_at(found, occasions, window, bounds, mask)
    return mask


def _look_at(found: Gathered, occasions: Occasions, window: Window | None, bounds: Bounds, mask: Mask) -> None:
    """Where two instants do not bound a window, asks of each record whether it is inside."""
    for number in np.flatnonzero(mask & ~bounds.exact[found.row]).tolist():
        past = History(*occasions.seen_from(int(found.row[number])))
        mask[number] = past.within(instant_of(int(found.at[number])), window)


@lru_cache(maxsize=256)
def plan_of(where: Condition) -> Plan:
    """The compiled `where`."""
    return Plan([where])


def properties_of(wheres: Sequence[Condition]) -> list[Attribute]:
    """The events' own properties that conditions read."""
    return [one for where in wheres for one in plan_of(where).attributes if one.owner is Owner.EVENT]


def satisfying(where: Condition, properties: pa.Table, rows: Numbers, batch: pa.Table, day: dt.date) -> Mask:
    """Which events satisfy a condition on their `properties` on local date `day`; `rows` are those that they are of."""
    plan = plan_of(where)
    if OWN_CURRENCY in plan.attributes:
        properties = properties.append_column(OWN_CURRENCY.key, batch[OWN_CURRENCY.key].take(pa.array(rows)))
    mask = np.zeros(len(rows), np.bool_)
    mask[plan.match_batch(properties, day)["row"].to_numpy()] = True
    return mask


def read_properties(documents: pa.Array, attributes: Sequence[Attribute]) -> pa.Table:
    """The events' own columns as a batch has them."""
    table = read_documents(documents, {one.name: one.type for one in attributes})
    return table.rename_columns([f"{Owner.EVENT}.{name}" for name in table.column_names])


def counted(found: Gathered, mask: Mask, size: int) -> Numbers:
    """How many a row."""
    return np.bincount(found.row[mask], minlength=size)


def latest(found: Gathered, mask: Mask, size: int) -> Numbers:
    """When the last was, by row; NEVER where there is none."""
    last = np.full(size, NEVER)
    np.maximum.at(last, found.row[mask], found.at[mask])
    return last
