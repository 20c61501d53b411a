"""What meters read, and how much of them a subscription may use."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from dsl.catalog import Catalog
from engine.happenings.packed import Question
from engine.matching.reads import QUOTA_READS


def last_reading(meter: str) -> Question:
    """The last by a row's instant, in the meter's unit; missing where there was none."""
    mine = "FROM readings WHERE subscription_id = {subscription} AND meter = ? AND read_at <= {now}"
    return Question(f"SELECT used {mine} ORDER BY read_at DESC LIMIT 1", (meter,))


def quotas(catalog: Catalog, batch: pa.Table, meter: str) -> pa.Array:
    """What each row's plan and add-ons give, by the batch's columns; missing where the plan says nothing."""
    held = zip(*(batch[attribute.key].to_pylist() for attribute in QUOTA_READS), strict=True)
    return pa.array([quota(catalog, meter, plan, addons or ()) for plan, addons in held], pa.float64())


def quota(catalog: Catalog, meter: str, plan: str | None, addons: Iterable[str]) -> float | None:
    """The plan's quota and what the add-ons add, in the meter's unit; None where the plan gives none."""
    given = catalog.plans[plan].quota if plan is not None and plan in catalog.plans else {}
    if catalog.meters[meter].quota_from != "plan" or meter not in given:
        return None
    more = (catalog.addons[name].adds.get(meter, 0) for name in addons if name in catalog.addons)
    return float(given[meter] + sum(more))
