"""Subscriptions with meters for tests of readings: quotas that binary numbers miss, anchors at the ends of months."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from world import ruleset

from dsl.datatypes import Value
from engine.store.session import Store
from engine.store.state import put_customers, put_subscriptions

CATALOG = """
currency: USD
timezone: America/New_York
default_via: [in_app]
customer:
  first_name: {type: text}
subscription:
  plan:             {type: plan}
  status:           {type: enum, values: [active, cancelled]}
  started_on:       {type: date}
  billing_interval: {type: enum, values: [month, year]}
meters:
  storage: {unit: GB, kind: gauge, quota_from: plan}
  uploads: {unit: files, kind: counter, resets: billing_period, quota_from: plan}
  visits:  {unit: visits, kind: gauge}
moments:
  half_yearly_bill: {recurs: billing_interval, every: 6, from: started_on}
  bill:             {recurs: billing_interval, from: started_on, leap_day: mar1}
  usage_alert:      {crosses: [80%, 100%], of: quota}
  nearly:           {crosses: [72.5%], of: quota}
  visit:            {event: true, properties: {page: text}}
plans:
  small: {price: {month: 1 USD}, quota: {storage: "0.375", uploads: 100}}
  large: {price: {month: 2 USD}, quota: {storage: 3, uploads: 1000}}
  bare:  {price: {month: 2 USD}}
addons:
  more: {price: {month: 1 USD}, adds: {storage: "0.1", uploads: 50}}
channels: [in_app]
"""

RULES = """
rule warn on usage_alert say "{{ level }} of your {{ meter }} is used." via in_app
rule calm on nearly where level > 1% say "Room is left." via in_app
rule seen on visit say "Hello." via in_app
"""

RULESET = ruleset(RULES, CATALOG)

START = dt.date(2025, 1, 31)


def subscription(key: str, customer: str, plan: str | None = "small", **more: Value) -> dict[str, Value]:
    row: dict[str, Value] = {
        "subscription.id": key,
        "customer.id": customer,
        "subscription.status": "active",
        "subscription.started_on": START,
        "subscription.billing_interval": "month",
    }
    if plan is not None:
        row["subscription.plan"] = plan
    return row | {f"subscription.{name}": value for name, value in more.items()}


def settle(store: Store, people: Sequence[tuple[str, str]], held: Sequence[dict[str, Value]], now: dt.datetime) -> None:
    """Customers (id, time zone) and their subscriptions."""
    rows = [{"customer.id": key, "customer.timezone": zone} for key, zone in people]
    with store.write() as connection:
        put_customers(connection, RULESET.catalog, rows, now)
        put_subscriptions(connection, RULESET.catalog, held, now)
