"""What pricing reads of a subscription, and which price list is its customer's."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from dsl.catalog import BUILT_IN, Catalog, Owner
from dsl.datatypes import DataType, Kind, Money, Value
from dsl.products import Charge, Model, PriceList
from dsl.typed import Attribute
from engine.moments.billing import BILLING_INTERVAL, billing_moment

INTERVAL = f"{Owner.SUBSCRIPTION}.{BILLING_INTERVAL}"
PLAN = "subscription.plan"
CURRENCY = "subscription.currency"
USAGE = "usage."
"""Before the name of a meter: the key of how much of it a bill is taken to count, a number (`usage`)."""

SEGMENT = "segment."
"""Before the name of a segment that a price list is for: the key of whether the customer is in it, a flag."""

DEFAULT_INTERVAL = "month"
"""Of who has no billing interval yet."""


@dataclass(frozen=True, slots=True)
class Situation:
    """A subscription as far as prices go; that of somebody without one has no plan.

    `quantities` are by key (`subscription.seats`, `usage.calls`), money among them. `anchor` is the date that bills
    hang on.
    """

    plan: str | None = None
    interval: str = DEFAULT_INTERVAL
    currency: str | None = None
    price_list: str | None = None
    quantities: Mapping[str, Fraction | Money] = field(default_factory=dict)
    anchor: dt.date | None = None


def situation_of(catalog: Catalog, row: Mapping[str, Value]) -> Situation:
    """From a row of state with what `price_facts` puts there; a customer is in no segment that is not told."""
    return Reader(catalog).read(row, price_list_of(catalog, row))


class Reader:
    """Reads rows; what it looks for in them is found once for a catalog."""

    def __init__(self, catalog: Catalog) -> None:
        moment = billing_moment(catalog)
        self.anchor = f"{Owner.SUBSCRIPTION}.{moment.attribute}" if moment is not None else None
        self.quantities = quantity_keys(catalog)

    def read(self, row: Mapping[str, Value | None], price_list: str | None) -> Situation:
        plan, currency = row.get(PLAN), row.get(CURRENCY)
        anchor = row.get(self.anchor) if self.anchor is not None else None
        return Situation(
            plan=str(plan) if plan is not None else None,
            interval=str(row.get(INTERVAL) or DEFAULT_INTERVAL),
            currency=str(currency) if currency is not None else None,
            price_list=price_list,
            quantities={key: _exact(value) for key in self.quantities if (value := row.get(key)) is not None},
            anchor=anchor if isinstance(anchor, dt.date) else None,
        )


def price_list_of(catalog: Catalog, row: Mapping[str, Value]) -> str | None:
    """The first price list that is for the customer; None where no list is."""
    return next((name for name, one in catalog.price_lists.items() if _is_for(one, row)), None)


def _is_for(one: PriceList, row: Mapping[str, Value]) -> bool:
    fits = all(row.get(f"{Owner.CUSTOMER}.{name}") in values for name, values in one.values.items())
    return fits and (one.segment is None or row.get(SEGMENT + one.segment) is True)


def reads(catalog: Catalog) -> tuple[Attribute, ...]:
    """The stored attributes that pricing reads of a row or a batch."""
    read = Reader(catalog)
    keys = [PLAN, INTERVAL, CURRENCY, *(key for key in read.quantities if not key.startswith(USAGE))]
    keys += [read.anchor] if read.anchor is not None else []
    keys += [f"{Owner.CUSTOMER}.{name}" for one in catalog.price_lists.values() for name in one.values]
    return tuple(one for key in dict.fromkeys(keys) if (one := stored_attribute(catalog, key)) is not None)


def stored_attribute(catalog: Catalog, key: str) -> Attribute | None:
    """The attribute of a key (`customer.country`), declared or built in; None where there is no such."""
    owner, _, name = key.partition(".")
    declared = catalog.attributes(Owner(owner)).get(name)
    type_: DataType | None = declared.type if declared is not None else BUILT_IN[Owner(owner)].get(name)
    return Attribute(Owner(owner), name, type_) if type_ is not None else None


def quantity_key(catalog: Catalog, charge: Charge) -> str | None:
    """Where the quantity of a charge is found; None for a flat one."""
    if charge.per is None:
        return None
    owner = Owner.SUBSCRIPTION if charge.per in catalog.subscription else Owner.CUSTOMER
    is_meter = charge.model is not Model.PERCENTAGE and charge.per in catalog.meters and not _counted(catalog, charge)
    return f"{USAGE}{charge.per}" if is_meter else f"{owner}.{charge.per}"


def _counted(catalog: Catalog, charge: Charge) -> bool:
    declared = catalog.subscription.get(charge.per or "") or catalog.customer.get(charge.per or "")
    return declared is not None and declared.type.kind is Kind.COUNT


def quantity_keys(catalog: Catalog) -> tuple[str, ...]:
    """Those of all prices and costs of the catalog."""
    return tuple(dict.fromkeys(key for name in catalog.products for key in quantities_of(catalog, name)))


def quantities_of(catalog: Catalog, name: str) -> tuple[str, ...]:
    """Those that the price or the cost of one product may depend on; of a bundle those of its parts too."""
    product = catalog.product(name)
    lists = [one.charges[name] for one in catalog.price_lists.values() if name in one.charges]
    tables = [product.charges, product.costs, *(phase.charges for phase in product.phases), *lists]
    charges = [charge for table in tables for several in table.values() for charge in several]
    found = [key for charge in charges if (key := quantity_key(catalog, charge)) is not None]
    for part in product.includes if name in catalog.bundles else ():
        found.extend(quantities_of(catalog, part))
    return tuple(dict.fromkeys(found))


def _exact(value: object) -> Fraction | Money:
    """A number as it is written, not as the machine keeps it."""
    if isinstance(value, Money):
        return value
    return Fraction(value) if isinstance(value, int) else Fraction(repr(value))
