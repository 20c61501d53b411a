"""Precedents: what was said before of the customers of a batch, read from the store in a few queries."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import sqlalchemy as sa

from engine.decisions.armed import Armed, armed
from engine.decisions.asked import Asked
from engine.decisions.contacted import reach
from engine.decisions.facts import Arms, Before, Prices, Propensity, Reach
from engine.decisions.learned import Segments, learned
from engine.decisions.limited import Limited, limited
from engine.decisions.open_offers import open_offers
from engine.decisions.rule_table import Bools, Ints

NOBODY_ARMED, NOTHING_LIMITED = Armed(Arms(), {}), Limited((), None)


@dataclass(frozen=True, slots=True)
class Precedents:
    """Of no customers, without arguments."""

    armed: Armed = NOBODY_ARMED
    reach: Reach | None = None
    standing_offers: Bools | None = None
    limited: Limited = NOTHING_LIMITED
    propensity: Propensity | None = None

    def before(self, taken: Ints | None, names: tuple[str, ...], paused: Bools | None, prices: Prices | None) -> Before:
        """As deciding takes them, with what is known otherwise."""
        return Before(
            taken,
            names,
            paused,
            self.armed.arms,
            self.standing_offers,
            self.reach,
            prices,
            self.propensity,
            self.limited.limits,
        )


NO_PRECEDENTS = Precedents()

Flags = Mapping[str, pa.Array | pa.ChunkedArray]
"""The customers' flags that the contact policy reads, by name, with a place a row."""


def precedents(
    connection: sa.Connection, asked: Asked, flags: Flags, segments: Segments, now: dt.datetime, *, binding: bool
) -> Precedents:
    """All of them. Where it is `binding` the limits of the rules are opened in this transaction, which writes."""
    if not asked.matched:
        return NO_PRECEDENTS
    return Precedents(
        armed(connection, asked),
        reach(connection, asked, flags),
        open_offers(connection, asked, now),
        limited(connection, asked, now) if binding else NOTHING_LIMITED,
        learned(connection, asked, segments),
    )
