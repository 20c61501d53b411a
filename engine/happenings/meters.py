"""What meters read, and how much of them a subscription may use."""

from __future__ import annotations

import pyarrow as pa

from dsl.catalog import Catalog
from engine.happenings.packed import Question
from engine.matching.reads import QUOTA_READS
from engine.store.quotas import quota_of


def last_reading(meter: str) -> Question:
    """The last by a row's instant, in the meter's unit; missing where there was none."""
    mine = "FROM readings WHERE subscription_id = {subscription} AND meter = ? AND read_at <= {now}"
    return Question(f"SELECT used {mine} ORDER BY read_at DESC LIMIT 1", (meter,))


def quotas(catalog: Catalog, batch: pa.Table, meter: str) -> pa.Array:
    """What each row's plan and add-ons give, by the batch's columns; missing where the plan says nothing."""
    held = zip(*(batch[attribute.key].to_pylist() for attribute in QUOTA_READS), strict=True)
    return pa.array([quota_of(catalog, plan, addons or (), meter) for plan, addons in held], pa.float64())
