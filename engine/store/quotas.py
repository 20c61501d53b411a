"""What a subscription may use, and which levels of it a reading passes: exact arithmetic, no database.

A quota is the plan's for the meter and what each held add-on adds. A share is compared without division, as products
of the decimals that people wrote: 0.3 of 0.375 is 80%, exactly, whatever their binary forms.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal

from dsl.catalog import Catalog, Moment, MomentKind

FROM_PLAN = "plan"

_EXACT = Context(prec=64)
"""Holds the product of two numbers of 17 digits, or of one and a level, in full."""


@dataclass(frozen=True, slots=True)
class Used:
    """What a meter read, in its unit, and what the subscription might use then; None where nothing says."""

    used: float
    quota: float | None


NOTHING = Used(0.0, None)
"""Before the first reading, and at the start of a period of a counter."""


def quota_of(catalog: Catalog, plan: object, addons: Iterable[str], meter: str) -> float | None:
    """The quota of a subscription on `plan` (a name; unknown and missing ones have none) with these add-ons, and those
    that the plan includes.
    """
    product = catalog.plans.get(str(plan))
    declared = catalog.meters.get(meter)
    if product is None or declared is None or declared.quota_from != FROM_PLAN or meter not in product.quota:
        return None
    held = (catalog.addons[name] for name in {*addons, *product.includes} if name in catalog.addons)
    return float(product.quota[meter] + sum(each.adds.get(meter, Decimal(0)) for each in held))


def crossing_moments(catalog: Catalog) -> tuple[Moment, ...]:
    return tuple(one for one in catalog.moments.values() if one.kind is MomentKind.CROSSING)


def crossed(levels: Sequence[Decimal], before: Used, now: Used) -> tuple[Decimal, ...]:
    """The levels, in percent, that `before` was below and `now` is not. Without a quota, or with none of it, no share.

    What had no share was below every level.
    """
    if not now.quota:
        return ()
    return tuple(level for level in levels if _reaches(now, level) and not _reaches(before, level))


def _reaches(one: Used, level: Decimal) -> bool:
    if not one.quota:
        return False
    return _EXACT.multiply(_written(one.used), Decimal(100)) >= _EXACT.multiply(level, _written(one.quota))


def _written(number: float) -> Decimal:
    """The number as it is written, not as the machine keeps it."""
    return Decimal(repr(number))
