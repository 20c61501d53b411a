"""What meters read, and how much of them a subscription may use."""

from __future__ import annotations

import pyarrow as pa

from dsl.catalog import Catalog
from engine.happenings.packed import Dialect, Question
from engine.matching.reads import QUOTA_READS
from engine.store.quotas import quota_of

_MINE = "FROM readings WHERE subscription_id = {subscription} AND meter = ? AND read_at <= {now}"


def last_reading(meter: str) -> Question:
    """The last by a row's instant, in the meter's unit; missing where there was none."""
    return Question(f"SELECT used {_MINE} ORDER BY read_at DESC LIMIT 1", (meter,))


def last_reading_at(dialect: Dialect, meter: str) -> Question:
    """When that was, as `packed.unpack` reads it; an empty text where there was none."""
    newest = dialect.instant.format("max(read_at)")
    return Question(f"SELECT coalesce({newest}, '') {_MINE}", (meter,))


def quotas(catalog: Catalog, batch: pa.Table, meter: str) -> pa.Array:
    """What each row's plan and add-ons give, by the batch's columns; missing where the plan says nothing."""
    held = zip(*(batch[attribute.key].to_pylist() for attribute in QUOTA_READS), strict=True)
    return pa.array([quota_of(catalog, plan, addons or (), meter) for plan, addons in held], pa.float64())
