"""What comes of decisions beside their deliveries: who is tried with what, what limits give, and what stands open.

Locks are taken in one order everywhere: the limits (opened before deciding), then decisions, assignments, offers and
their counts, then counters and state.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import sqlalchemy as sa

from engine.budgets.book import OpenLimit, Taking, reserve
from engine.offers.making import count
from engine.store.experiments import Assignments, Exposure, assign, expose
from engine.store.inserts import insert_columns
from engine.store.tables import offers


@dataclass(frozen=True, slots=True)
class Effects:
    """`offers` are columns as the table has them, JSON as text; None: nothing was offered."""

    assignments: Assignments
    exposures: Sequence[Exposure]
    opened: Sequence[OpenLimit]
    takings: Sequence[Taking]
    offers: pa.Table | None


NO_EFFECTS = Effects({}, (), (), (), None)


def put_effects(connection: sa.Connection, effects: Effects, now: dt.datetime) -> None:
    """Insert all of it, in the transaction of the decisions, which are there already."""
    if effects.takings:
        reserve(connection, effects.opened, effects.takings)
    if effects.assignments:
        assign(connection, effects.assignments, now)
    if effects.exposures:
        expose(connection, effects.exposures, now)
    if effects.offers is not None and effects.offers.num_rows:
        insert_columns(connection, offers, effects.offers)
        count(connection, _shown(effects.offers))


def _shown(made: pa.Table) -> dict[tuple[str, str, str], int]:
    counted = Counter(zip(made["product"].to_pylist(), made["segment"].to_pylist(), strict=True))
    return {(product, segment, "shown"): number for (product, segment), number in counted.items()}
