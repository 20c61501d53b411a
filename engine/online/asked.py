"""What was said before of the customers of some events, asked by the very queries of a pass."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from dsl.catalog import Catalog
from engine.contacts.policy import flags
from engine.decisions.asked import Asked
from engine.decisions.learned import Segments
from engine.decisions.precedents import NO_PRECEDENTS, Precedents, precedents
from engine.decisions.rule_table import Ints, RuleTable
from engine.online.facts import Met
from engine.online.rows import Row

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


def event_precedents(
    connection: sa.Connection,
    rules: RuleTable,
    met: Sequence[Met],
    whose: Sequence[tuple[str, str, dt.datetime]],
    matches: tuple[Ints, Ints],
    now: dt.datetime,
) -> Precedents:
    """Of rows with their matches; `whose` has each row's customer, time zone and instant. Opens the rules' limits."""
    row, rule = matches
    if not len(row):
        return NO_PRECEDENTS
    at = [(instant - _EPOCH) // _MICROSECOND for *_, instant in whose]
    asked = _asked(rules, met, whose, at, row, rule)
    read = [each.row for each in met]
    told = {flag: _flags(read, flag) for flag in flags(rules.catalog.policies)}
    return precedents(connection, asked, told, _segments(read, at, rules.catalog), now, binding=True)


def _asked(
    rules: RuleTable,
    met: Sequence[Met],
    whose: Sequence[tuple[str, str, dt.datetime]],
    at: Sequence[int],
    row: Ints,
    rule: Ints,
) -> Asked:
    customers = tuple(sorted({whose[number][0] for number in row.tolist()}))
    place = {customer: number for number, customer in enumerate(customers)}
    zones = tuple(dict.fromkeys(zone for _, zone, _ in whose))
    return Asked(
        rules,
        tuple(np.unique(rule).tolist()),
        customers,
        np.array([place.get(customer, -1) for customer, *_ in whose], np.int64),
        [each.subscription for each in met],
        np.array(at, np.int64),
        np.array([zones.index(zone) for _, zone, _ in whose], np.int64),
        zones,
        row,
        rule,
    )


def _flags(rows: Sequence[Row], name: str) -> pa.Array:
    key = f"customer.{name}"
    return pa.array([row.get(key) for row in rows], pa.bool_())


def segment_of(row: Row, catalog: Catalog) -> str:
    """The segment that a row's outcomes are counted in; empty where all count together or the value is missing."""
    policy = catalog.policies.propensity
    value: Any = None if policy is None or policy.by is None else row.get(policy.by)
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _segments(rows: Sequence[Row], at: Sequence[int], catalog: Catalog) -> Segments:
    policy = catalog.policies.propensity
    if policy is None:
        return Segments((), np.empty(0), ())
    own: list[Any] = [row.get(policy.column) if policy.column is not None else None for row in rows]
    return Segments(
        [segment_of(row, catalog) for row in rows],
        np.array([np.nan if value is None else value for value in own], np.float64),
        [str(each) for each in at],
    )
