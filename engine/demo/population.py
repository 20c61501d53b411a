"""Ten thousand people who might be customers of Fernway, and their subscriptions.

Everything hangs on two arguments, the day and the seed: dates are placed relative to `today`, so that the tour finds
bills, birthdays, trials and renewals on any day, and the same arguments make the same people. Real data has holes, so
every kind of value is missing for some; the rare dates that break calendars (29 February, the 29th to the 31st) are
here on purpose, and so are a few time zones that do not exist.

Rows are rows of state (`customer.country`, `subscription.plan`); a missing value has no key.
"""

from __future__ import annotations

import calendar
import datetime as dt
import math
from collections.abc import Mapping
from decimal import Decimal
from random import Random
from typing import TypeVar

from dateutil.relativedelta import relativedelta

from dsl.catalog import AttributeDeclaration, Catalog, Owner
from dsl.datatypes import Kind, Money, Value
from engine.demo.places import NO_SUCH_ZONES, PLACES, Place
from engine.pricing.refusals import Refused
from engine.pricing.situations import Situation, price_list_of
from engine.pricing.tariffs import Tariff, tariff_of

Row = dict[str, Value]
T = TypeVar("T")

TRIAL_DAYS = 14
_OLDEST_ACCOUNT_DAYS = 8 * 365
_INTERESTS = ("photography", "film", "music", "cooking", "travel", "sport", "family_history")
_CAUSES = ("climate", "education", "health", "animals")
_PLANS = {"free": 30, "basic": 28, "standard": 24, "premium": 11, "family": 7}
_STATUSES = {"active": 85, "past_due": 4, "paused": 3, "cancelled": 8}
_PAYMENTS = {"card": 60, "paypal": 18, "direct_debit": 12, "Bank transfer": 10}
_ADDONS = {"backup": 0.2, "storage_plus": 0.12, "print_credits": 0.07, "priority_support": 0.08}
_SUPPORTED_PLANS = ("standard", "premium", "family")
_STORAGE_USED_MODE = {"free": 70, "basic": 55, "standard": 40, "premium": 25, "family": 45}


def population(catalog: Catalog, size: int, today: dt.date, seed: int) -> tuple[list[Row], list[Row]]:
    """`size` customers and their subscriptions (none for some, two for a few), in order of their ids.

    Only what the catalog declares is filled in, and only with values that it allows.
    """
    rng = Random(seed)
    customers, subscriptions = [], []
    for number in range(1, size + 1):
        customer = _customer(rng, number, today)
        customers.append(_allowed(catalog, customer))
        for nth in range(rng.choices((0, 1, 2), (6, 90, 4))[0]):
            subscription = _subscription(rng, catalog, customer, nth, today)
            subscriptions.append(_allowed(catalog, subscription))
    return customers, subscriptions


# --- customers -------------------------------------------------------------------------------------------------------


def _customer(rng: Random, number: int, today: dt.date) -> Row:
    place = rng.choices(PLACES, [each.share for each in PLACES])[0]
    name = rng.choice(place.names)
    identity = f"c{number:06}"
    signed_up = _signed_up(rng, today)
    values: dict[str, Value | None] = {
        "id": identity,
        "timezone": _timezone(rng, place),
        "tags": _tags(rng),
        "first_name": _sometimes(rng, 0.95, name),
        "email": _sometimes(rng, 0.97, f"{identity}@mail.example"),
        "country": _sometimes(rng, 0.96, place.country),
        "locale": _sometimes(rng, 0.9, _common_first(rng, place.locales)),
        "date_of_birth": _sometimes(rng, 0.82, _date_of_birth(rng, number, today)),
        "signed_up_on": signed_up,
        "last_seen_on": _sometimes(rng, 0.92, _last_seen(rng, signed_up, today)),
        "interests": _sometimes(rng, 0.85, frozenset(rng.sample(_INTERESTS, rng.choice((0, 1, 1, 2, 2, 3))))),
        "cause": _sometimes(rng, 0.65, rng.choice(_CAUSES)),
        "marketing_ok": _sometimes(rng, 0.95, rng.random() < 0.7),
        "email_confirmed": _sometimes(rng, 0.97, rng.random() < 0.97),
        "do_not_contact": _sometimes(rng, 0.97, rng.random() < 0.01),
        "satisfaction": _sometimes(rng, 0.55, round(min(10.0, max(0.0, rng.gauss(7.6, 1.7))), 1)),
        "devices": _sometimes(rng, 0.9, 1 + int(rng.expovariate(0.7))),
    }
    return {f"customer.{name}": value for name, value in values.items() if value is not None}


def _signed_up(rng: Random, today: dt.date) -> dt.date:
    """One in twenty came within the last two weeks and is still trying; the others over eight years."""
    if rng.random() < 0.05:
        return today - dt.timedelta(days=rng.randrange(TRIAL_DAYS))
    return today - dt.timedelta(days=TRIAL_DAYS + min(_OLDEST_ACCOUNT_DAYS, int(rng.expovariate(1 / 750))))


def _timezone(rng: Random, place: Place) -> str | None:
    if rng.random() < 0.003:
        return rng.choice(NO_SUCH_ZONES)
    return _sometimes(rng, 0.94, _common_first(rng, place.zones))


def _tags(rng: Random) -> frozenset[str]:
    tags = (("ambassador", 0.01), ("do_not_sell", 0.02), ("beta", 0.05))
    return frozenset(tag for tag, share in tags if rng.random() < share)


def _date_of_birth(rng: Random, number: int, today: dt.date) -> dt.date:
    """Adults up to 88; one in 250 born on 29 February, six times as many as in life."""
    born = today - dt.timedelta(days=int(rng.triangular(18.1, 88, 36) * 365.25))
    if number % 250:
        return born
    leap_year = next(year for year in range(born.year, born.year - 9, -1) if calendar.isleap(year))
    return dt.date(leap_year, 2, 29)


def _last_seen(rng: Random, signed_up: dt.date, today: dt.date) -> dt.date:
    return max(signed_up, today - dt.timedelta(days=int(rng.expovariate(1 / 25))))


# --- subscriptions ---------------------------------------------------------------------------------------------------


def _subscription(rng: Random, catalog: Catalog, customer: Mapping[str, Value], nth: int, today: dt.date) -> Row:
    signed_up = customer["customer.signed_up_on"]
    assert isinstance(signed_up, dt.date)
    started = _started(rng, signed_up, today)
    plan = rng.choices(tuple(_PLANS), tuple(_PLANS.values()))[0]
    status = _status(rng, plan, started, today)
    interval = "year" if plan != "free" and rng.random() < 0.28 else "month"
    payment = None if plan == "free" else rng.choices(tuple(_PAYMENTS), tuple(_PAYMENTS.values()))[0]
    addons = _addons(rng, plan)
    billed = _billed(catalog, customer, interval)
    values: dict[str, Value | None] = {
        "id": f"s{str(customer['customer.id'])[1:]}" + (f"-{nth + 1}" if nth else ""),
        "currency": billed.currency,
        "addons": addons,
        "plan": _sometimes(rng, 0.995, plan),
        "status": status,
        "started_on": _sometimes(rng, 0.99, started),
        "billing_interval": interval,
        "trial_ends_on": _trial_ends(rng, plan, status, started),
        "renews_on": None if status == "cancelled" else _sometimes(rng, 0.97, _renewal(started, interval, today)),
        "mrr": _sometimes(rng, 0.98, _monthly_revenue(catalog, plan, addons, billed)),
        "seats": _sometimes(rng, 0.92, rng.randint(3, 6) if plan == "family" else rng.choice((1, 1, 1, 1, 2, 3))),
        "autopay": None
        if payment is None
        else _sometimes(rng, 0.97, payment != "Bank transfer" and rng.random() < 0.85),
        "payment_method": payment,
        "storage_used": _sometimes(rng, 0.93, _storage_used(rng, plan)),
    }
    known = {f"subscription.{name}": value for name, value in values.items() if value is not None}
    return {"customer.id": customer["customer.id"], **known}


def _started(rng: Random, signed_up: dt.date, today: dt.date) -> dt.date:
    """Most start on the day they sign up. One in twelve old accounts is moved to the last days of a long month."""
    if today - signed_up < dt.timedelta(days=TRIAL_DAYS):
        return signed_up
    started = signed_up if rng.random() < 0.7 else min(today, signed_up + dt.timedelta(days=rng.randrange(200)))
    if today - started < dt.timedelta(days=70) or rng.random() > 1 / 12:
        return started
    month = started + relativedelta(months=1, day=31)
    return month.replace(day=rng.randint(29, month.day)) if month.day > 29 else month


def _status(rng: Random, plan: str, started: dt.date, today: dt.date) -> str:
    if plan == "free":
        return "active"
    if today - started < dt.timedelta(days=TRIAL_DAYS):
        return "trialing"
    return rng.choices(tuple(_STATUSES), tuple(_STATUSES.values()))[0]


def _trial_ends(rng: Random, plan: str, status: str, started: dt.date) -> dt.date | None:
    had_one = status == "trialing" or (plan != "free" and rng.random() < 0.6)
    return started + dt.timedelta(days=TRIAL_DAYS) if had_one else None


def _renewal(started: dt.date, interval: str, today: dt.date) -> dt.date:
    """The first bill from today on, counted from the original start (31 January, 28 February, 31 March)."""
    step = 12 if interval == "year" else 1
    passed = (today.year - started.year) * 12 + today.month - started.month
    nth = max(1, passed // step)
    while (due := started + relativedelta(months=nth * step)) < today:
        nth += 1
    return due


def _billed(catalog: Catalog, customer: Mapping[str, Value], interval: str) -> Situation:
    """By the customer's price list, in its currency."""
    name = price_list_of(catalog, customer)
    currency = catalog.currency if name is None else catalog.price_lists[name].currency
    return Situation(interval=interval, currency=currency, price_list=name)


def _monthly_revenue(catalog: Catalog, plan: str, addons: frozenset[str], billed: Situation) -> Money | None:
    """A month of the bill; what has no flat price is left out."""
    if plan not in catalog.plans:
        return None
    found = [tariff_of(catalog, name, billed) for name in (plan, *sorted(addons & catalog.addons.keys()))]
    if isinstance(found[0], Refused):
        return None
    monthly = [one.lasting / one.months for one in found if isinstance(one, Tariff)]
    return Money(math.floor(sum(monthly)), found[0].currency)


def _autopay(rng: Random, payment: str | None) -> bool | None:
    if payment is None:
        return None
    return _sometimes(rng, 0.97, payment != "Bank transfer" and rng.random() < 0.85)


def _addons(rng: Random, plan: str) -> frozenset[str]:
    if plan == "free":
        return frozenset()
    held = (addon for addon, share in _ADDONS.items() if rng.random() < share)
    return frozenset(addon for addon in held if addon != "priority_support" or plan in _SUPPORTED_PLANS)


def _storage_used(rng: Random, plan: str) -> Decimal:
    """In percent of the plan's quota, to a tenth; up to a little over."""
    return Decimal(round(rng.triangular(0, 102, _STORAGE_USED_MODE[plan]), 1)).quantize(Decimal("0.1"))


# --- chance and the catalog ------------------------------------------------------------------------------------------


def _sometimes(rng: Random, share: float, value: T) -> T | None:
    """The value for a share of the customers, else missing."""
    return value if rng.random() < share else None


def _common_first(rng: Random, values: tuple[str, ...]) -> str:
    """One of the values, each half as likely as the one before it."""
    return rng.choices(values, [2.0**-at for at in range(len(values))])[0]


def _allowed(catalog: Catalog, row: Row) -> Row:
    """The row without what the catalog does not declare, or declares with other values."""
    owner = Owner.SUBSCRIPTION if "subscription.id" in row else Owner.CUSTOMER
    declared = {each.key: each for each in catalog.attributes(owner).values()}
    allowed = {key: value for key, value in row.items() if key in _BUILT_IN or _fits(catalog, declared.get(key), value)}
    if isinstance(addons := allowed.get("subscription.addons"), frozenset):
        allowed["subscription.addons"] = addons & set(catalog.addons)
    return allowed


_BUILT_IN = frozenset(
    f"{owner}.{name}"
    for owner, names in (("customer", "id timezone tags"), ("subscription", "id currency addons"))
    for name in names.split()
)
_PYTHON_TYPES: Mapping[Kind, type] = {
    Kind.TEXT: str,
    Kind.NUMBER: float,
    Kind.COUNT: int,
    Kind.FLAG: bool,
    Kind.ENUM: str,
    Kind.SET: frozenset,
    Kind.DATE: dt.date,
    Kind.MONEY: Money,
    Kind.PERCENT: Decimal,
    Kind.PLAN: str,
}


def _fits(catalog: Catalog, declaration: AttributeDeclaration | None, value: Value) -> bool:
    if declaration is None or type(value) is not _PYTHON_TYPES.get(declaration.type.kind):
        return False
    if declaration.type.kind is Kind.PLAN:
        return value in catalog.plans
    values = value if isinstance(value, frozenset) else {value}
    return not declaration.type.values or values <= set(declaration.type.values)
