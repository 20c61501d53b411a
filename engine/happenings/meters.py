"""What meters read, and how much of them a subscription may use."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
from sqlalchemy import Connection, select

from dsl.catalog import Catalog
from engine.happenings.occasions import Occasions, ask
from engine.matching.reads import QUOTA_READS
from engine.store.tables import readings


def usage(connection: Connection, occasions: Occasions, meter: str) -> pa.Array:
    """The last reading by each row's instant, in the meter's unit; missing where there was none."""
    asked = ask(connection, occasions, occasions.spans(None))
    last = (
        select(readings.c.used)
        .where(readings.c.subscription_id == asked.subscription, readings.c.meter == meter)
        .where(readings.c.read_at <= asked.upto)
        .order_by(readings.c.read_at.desc())
        .limit(1)
        .correlate(asked.table)
        .scalar_subquery()
    )
    found = connection.execute(select(asked.row, last).select_from(asked.table).order_by(asked.row))
    return pa.array([used for _, used in found], pa.float64())


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
