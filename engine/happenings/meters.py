"""What meters read, and how much of them a subscription may use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, ScalarSelect, select

from dsl.catalog import Catalog
from engine.happenings.occasions import Asked, Occasions, ask
from engine.happenings.records import by_row
from engine.matching.reads import QUOTA_READS
from engine.store.tables import readings


def usage(connection: Connection, occasions: Occasions, meter: str) -> pa.Array:
    """The last reading by each row's instant, in the meter's unit; missing where there was none."""
    asks = ask(connection, occasions, occasions.spans(None), of_one=True)
    return pa.array(by_row(connection, asks, lambda asked: _last_reading(asked, meter)), pa.float64())


def _last_reading(asked: Asked, meter: str) -> ScalarSelect[Any]:
    mine = select(readings.c.used).where(readings.c.subscription_id == asked.subscription, readings.c.meter == meter)
    by_now = mine.where(readings.c.read_at <= asked.upto).order_by(readings.c.read_at.desc()).limit(1)
    return by_now.correlate(asked.table).scalar_subquery()


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
