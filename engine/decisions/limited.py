"""What is left of the limits of the rules that matched: opened once a transaction, and drawn on by those who won."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa

from engine.budgets import book
from engine.budgets.book import OpenLimit
from engine.budgets.candidates import Room
from engine.budgets.limits import LimitKind, limits_of
from engine.budgets.refusals import BUDGET_SPENT, PLACES_TAKEN
from engine.decisions import reasons
from engine.decisions.asked import Asked
from engine.decisions.facts import Limits


@dataclass(frozen=True, slots=True)
class Limited:
    """The limits that this transaction opened, and what deciding is told of them (None: there are none)."""

    opened: Sequence[OpenLimit]
    limits: Limits | None


def limited(connection: sa.Connection, asked: Asked, now: dt.datetime) -> Limited:
    """Opens the limits of the matched rules: from then on no other transaction decides by them."""
    wanted = limits_of(asked.matched_rules())
    if not wanted:
        return Limited((), None)
    opened = book.open_limits(connection, wanted, now, asked.rules.catalog.timezone)
    currencies = {name: number for number, name in enumerate(asked.rules.currencies)}
    rooms = book.rooms(connection, opened, asked.rules.number, currencies, asked.customers)
    return limited_to(asked, opened, rooms)


def limited_to(asked: Asked, opened: Sequence[OpenLimit], rooms: Sequence[Room]) -> Limited:
    """The opened limits with the rooms that they leave, in the same order, as deciding is told of them."""
    told = [PLACES_TAKEN if one.limit.kind is LimitKind.VOLUME else BUDGET_SPENT for one in opened]
    return Limited(
        opened,
        Limits(
            tuple(rooms),
            np.array([reasons.NUMBER[each] for each in told], np.int8),
            tuple(str(one.limit) for one in opened),
            asked.customer,
        ),
    )
