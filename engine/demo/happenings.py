"""The kinds of events in the made-up world: how often each happens, to whom, and with which properties."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from dsl.catalog import Catalog, Owner
from dsl.datatypes import Money, Value
from engine.demo.population import Row

Maybe = dict[str, Value | None]
Rows = Sequence[Row]


@dataclass(frozen=True, slots=True)
class Happening:
    """One kind. `per_year` is the mean a subject, `fresh` how many more fall into the last day.

    `properties` makes those of many events at once, given the rows of their subjects; None is a missing one.
    """

    moment: str
    owner: Owner
    per_year: float
    fresh: int
    properties: Callable[[np.random.Generator, Catalog, Rows], list[Maybe]]
    concerns: Callable[[Row], bool] = lambda row: True


# --- what customers do -----------------------------------------------------------------------------------------------

_PAGES = {
    "/": 26,
    "/albums": 22,
    "/albums/shared": 12,
    "/pricing": 9,
    "/pricing/family": 4,
    "/features/film": 6,
    "/features/print": 5,
    "/help/slow-upload": 6,
    "/settings/billing": 7,
    "/settings/cancel": 2,
    "/causes": 2,
}
_REFERRERS = {
    "https://search.example/?q=photo+storage": 50,
    "https://compare.example/photo-storage": 15,
    "https://news.example/one-percent": 15,
    "https://social.example/": 20,
}
_MESSAGES = {
    "monthly_letter": 45,
    "our_year_together": 10,
    "climate_year": 6,
    "one_roof": 9,
    "renewal_note": 14,
    "room_to_grow": 10,
    "takk_for_aaret": 2,
}
_TOPICS = {"slow uploads": 24, "billing": 26, "a lost file": 16, "sharing an album": 20, "the app is slow": 14}


def _visits(rng: np.random.Generator, catalog: Catalog, rows: Rows) -> list[Maybe]:
    size = len(rows)
    return _zip(
        page=_chosen(rng, _PAGES, size),
        referrer=_missing(rng, 0.7, _chosen(rng, _REFERRERS, size)),
        seconds=_missing(rng, 0.05, np.round(rng.exponential(35, size), 1).tolist()),
    )


def _downloads(rng: np.random.Generator, catalog: Catalog, rows: Rows) -> list[Maybe]:
    size = len(rows)
    return _zip(
        product=_chosen(rng, {"desktop": 45, "mobile": 25, "raw-importer": 15, "album.zip": 15}, size),
        version=_missing(rng, 0.06, _chosen(rng, {"3.8": 15, "3.9.2": 20, "4.0": 35, "4.1": 30}, size)),
    )


def _mail(rng: np.random.Generator, catalog: Catalog, rows: Rows) -> list[Maybe]:
    size = len(rows)
    return _zip(message=_chosen(rng, _MESSAGES, size), human=_missing(rng, 0.06, _flags(rng, 0.8, size)))


def _calls(rng: np.random.Generator, catalog: Catalog, rows: Rows) -> list[Maybe]:
    size = len(rows)
    return _zip(
        topic=_missing(rng, 0.06, _chosen(rng, _TOPICS, size)),
        minutes=_missing(rng, 0.04, np.round(rng.gamma(2, 8, size)).tolist()),
        resolved=_missing(rng, 0.1, _flags(rng, 0.75, size)),
    )


def _referrals(rng: np.random.Generator, catalog: Catalog, rows: Rows) -> list[Maybe]:
    return _zip(friend_joined=_missing(rng, 0.05, _flags(rng, 0.4, len(rows))))


def _devices(rng: np.random.Generator, catalog: Catalog, rows: Rows) -> list[Maybe]:
    return _zip(kind=_missing(rng, 0.05, _chosen(rng, {"phone": 50, "tablet": 20, "computer": 30}, len(rows))))


# --- what happens to subscriptions -----------------------------------------------------------------------------------

_STEPS = {"basic": ("free",), "standard": ("free", "basic", "basic"), "premium": ("basic", "standard", "standard")}
_STEPS["family"] = ("standard", "premium", "standard")


def _upgrades(rng: np.random.Generator, catalog: Catalog, rows: Rows) -> list[Maybe]:
    """To the plan that the subscription has now."""
    plans = [str(row["subscription.plan"]) for row in rows]
    before = [_STEPS[plan][pick % len(_STEPS[plan])] for plan, pick in zip(plans, _picks(rng, rows), strict=True)]
    return _zip(
        from_plan=_missing(rng, 0.03, [plan if plan in catalog.plans else None for plan in before]),
        to_plan=plans,
    )


def _addon_purchases(rng: np.random.Generator, catalog: Catalog, rows: Rows) -> list[Maybe]:
    """One of the add-ons that the subscription holds now, at its monthly price."""
    held = [sorted(_addons(row)) for row in rows]
    items = [addons[pick % len(addons)] for addons, pick in zip(held, _picks(rng, rows), strict=True)]
    prices = [catalog.addons[item].prices.get("month") for item in items]
    return _zip(item=items, amount=_missing(rng, 0.03, prices))


def _failed_payments(rng: np.random.Generator, catalog: Catalog, rows: Rows) -> list[Maybe]:
    return _zip(
        amount=[_bill(row) for row in rows],
        attempt=_missing(rng, 0.04, rng.choice((1, 2, 3), len(rows), p=(0.65, 0.25, 0.1)).tolist()),
    )


def _usage_alerts(rng: np.random.Generator, catalog: Catalog, rows: Rows) -> list[Maybe]:
    """A meter passes a level of the catalog; what is used stands at the crossing or a little above it."""
    meters = [name for name, meter in catalog.meters.items() if meter.quota_from == "plan"]
    levels = catalog.moments["usage_alert"].levels
    drawn = zip(rows, _picks(rng, rows), _picks(rng, rows), (1 + rng.random(len(rows)) / 50).tolist(), strict=True)
    return [
        _crossing(catalog, row, meters[pick % len(meters)], levels[which % len(levels)], over)
        for row, pick, which, over in drawn
    ]


def _crossing(catalog: Catalog, row: Row, meter: str, level: Decimal, over: float) -> Maybe:
    quota = float(catalog.plans[str(row["subscription.plan"])].quota.get(meter, Decimal(0)))
    return {"meter": meter, "level": level, "used": round(quota * float(level) / 100 * over, 2), "quota": quota}


def _bill(row: Row) -> Money | None:
    monthly = row.get("subscription.mrr")
    if not isinstance(monthly, Money):
        return None
    return Money(monthly.minor * (12 if row.get("subscription.billing_interval") == "year" else 1), monthly.currency)


def _addons(row: Row) -> frozenset[str]:
    addons = row.get("subscription.addons")
    return addons if isinstance(addons, frozenset) else frozenset()


def _lives(row: Row) -> bool:
    return row.get("subscription.status") != "cancelled" and "subscription.plan" in row


def _was_upgraded(row: Row) -> bool:
    return _lives(row) and row["subscription.plan"] in _STEPS


def _pays(row: Row) -> bool:
    return row.get("subscription.status") in ("active", "past_due") and "subscription.payment_method" in row


KINDS = (
    Happening("website_visit", Owner.CUSTOMER, 13, 0, _visits),
    Happening("email_opened", Owner.CUSTOMER, 8, 0, _mail),
    Happening("email_clicked", Owner.CUSTOMER, 1.6, 0, _mail),
    Happening("download", Owner.CUSTOMER, 1.4, 0, _downloads),
    Happening("support_call", Owner.CUSTOMER, 0.9, 15, _calls),
    Happening("device_added", Owner.CUSTOMER, 0.6, 10, _devices),
    Happening("referral", Owner.CUSTOMER, 0.15, 10, _referrals),
    Happening("upgrade", Owner.SUBSCRIPTION, 0.25, 20, _upgrades, _was_upgraded),
    Happening("addon_purchase", Owner.SUBSCRIPTION, 0.8, 20, _addon_purchases, lambda row: bool(_addons(row))),
    Happening("payment_failed", Owner.SUBSCRIPTION, 0.5, 20, _failed_payments, _pays),
    Happening("usage_alert", Owner.SUBSCRIPTION, 1.2, 20, _usage_alerts, _lives),
)


# --- columns of chance -----------------------------------------------------------------------------------------------


def _chosen(rng: np.random.Generator, weights: dict[str, int], size: int) -> list[str]:
    names, shares = list(weights), np.array(list(weights.values()), float)
    return [names[at] for at in rng.choice(len(names), size, p=shares / shares.sum()).tolist()]


def _flags(rng: np.random.Generator, share: float, size: int) -> list[bool]:
    flags: list[bool] = (rng.random(size) < share).tolist()
    return flags


def _picks(rng: np.random.Generator, rows: Rows) -> list[int]:
    """A whole number a row, to be taken modulo the length of a list."""
    picks: list[int] = rng.integers(0, 1 << 30, len(rows)).tolist()
    return picks


def _missing(rng: np.random.Generator, share: float, values: Sequence[Value | None]) -> list[Value | None]:
    gone = (rng.random(len(values)) < share).tolist()
    return [None if lost else value for value, lost in zip(values, gone, strict=True)]


def _zip(**columns: Sequence[Value | None]) -> list[Maybe]:
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
