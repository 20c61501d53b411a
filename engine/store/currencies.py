"""What a subscription pays in where nobody said so.

1. One that is known stays in its currency. 2. Else the first price list that is for its customer by attributes alone
says it, for that is what it would be billed by. 3. Else it is the catalog's. A price list for a segment is not asked:
who is in a segment changes, and what one pays in does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from dsl.catalog import Catalog
from dsl.products import PriceList
from engine.store.bulk import among
from engine.store.tables import customers, subscriptions


@dataclass(frozen=True, slots=True)
class Usual:
    """A currency, and whose it is, in words for people; None where it was known before, or there is no other."""

    currency: str
    whose: str | None = None


def usual_currencies(
    connection: Connection, catalog: Catalog, ids: Sequence[str | None], whose: Sequence[str | None]
) -> list[Usual]:
    """For each subscription by its id and its customer's; what is missing or not known is in the catalog's."""
    others = any(one.currency != catalog.currency for one in catalog.price_lists.values())
    usual = Usual(catalog.currency, "the catalog's" if others else None)
    lists = [one for one in catalog.price_lists.values() if one.segment is None]
    known = _known(connection, ids)
    by_customer = _by_customer(connection, lists, whose) if lists else {}
    return [known.get(key) or by_customer.get(one) or usual for key, one in zip(ids, whose, strict=True)]


def _known(connection: Connection, ids: Sequence[str | None]) -> dict[str | None, Usual]:
    wanted = sorted({key for key in ids if key is not None})
    query = select(subscriptions.c.id, subscriptions.c.currency).where(among(connection, subscriptions.c.id, wanted))
    return {row.id: Usual(row.currency) for row in connection.execute(query)}


def _by_customer(
    connection: Connection, lists: Sequence[PriceList], whose: Sequence[str | None]
) -> dict[str | None, Usual]:
    wanted = sorted({key for key in whose if key is not None})
    query = select(customers.c.id, customers.c.attributes).where(among(connection, customers.c.id, wanted))
    found: dict[str | None, Usual] = {}
    for row in connection.execute(query):
        fitting = next((one for one in lists if _is_for(one, row.attributes)), None)
        if fitting is not None:
            found[row.id] = Usual(fitting.currency, f"that of the price list {fitting.name}")
    return found


def _is_for(one: PriceList, attributes: Mapping[str, Any]) -> bool:
    return all(attributes.get(name) in values for name, values in one.values.items())
