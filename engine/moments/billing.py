"""Billing periods: from one bill to the next, counted from the date that the bills hang on.

A period begins on an anniversary of billing and ends the day before the next one. Its first day is, like every
occurrence, the ORIGINAL anchor plus n intervals, clamped to the end of a shorter month; here n may be 0 (the anchor
itself opens a period) and less (what is read before the anchor has a period too). Where the anchor or the interval is
not known, the period is the calendar month.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from dsl.catalog import Catalog, LeapDay, Moment, Recurs
from dsl.operators import months_from
from engine.moments.calendar import BILLING_MONTHS, last_day

BILLING_INTERVAL = "billing_interval"
"""The attribute of a subscription that says how often it is billed."""


def billing_moment(catalog: Catalog) -> Moment | None:
    """The moment that comes with every bill: the first that recurs each billing interval, else each few of them."""
    found = [one for one in catalog.moments.values() if one.recurs is Recurs.BILLING_INTERVAL]
    return min(found, key=lambda one: one.every, default=None)


def billing_period(moment: Moment | None, attributes: Mapping[str, object], day: dt.date) -> dt.date:
    """The first day of the billing period that the local date `day` lies in.

    `moment` is the catalog's `billing_moment`, `attributes` the subscription's in stored form, by bare name.
    """
    months = BILLING_MONTHS.get(str(attributes.get(BILLING_INTERVAL)))
    anchor = attributes.get(moment.attribute) if moment is not None and moment.attribute is not None else None
    if moment is None or months is None or not isinstance(anchor, str):
        return day.replace(day=1)
    return period_start(dt.date.fromisoformat(anchor), months, moment.leap_day, day)


def period_start(anchor: dt.date, months: int, leap_day: LeapDay, day: dt.date) -> dt.date:
    """The last of the days `anchor` plus n times `months` months (any whole n) that is not after `day`."""
    passed = (day.year * 12 + day.month) - (anchor.year * 12 + anchor.month)
    latest = passed // months
    found = nth_start(anchor, latest, months, leap_day)
    return found if found <= day else nth_start(anchor, latest - 1, months, leap_day)


def nth_start(anchor: dt.date, n: int, months: int, leap_day: LeapDay) -> dt.date:
    """The day `anchor` plus n times `months` months; n may be any whole number."""
    day = months_from(anchor, n * months)
    in_march = leap_day is LeapDay.MAR1 and months % 12 == 0 and (anchor.month, anchor.day) == (2, 29)
    return dt.date(day.year, 3, 1) if in_march and last_day(day.year, 2) == 28 else day
