"""Quotes one at a time, for events: what is alike is worked out once and kept, as in a batch.

pricer = Pricer(catalog)                          # one for each ruleset
situation = pricer.situation(row)
pricer.amounts(offer, "premium", situation, day)  # price, value and cost, to compare candidates
pricer.quote(offer, "premium", situation, day)    # the winner's, with its dates
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Hashable, Iterable, Mapping

from dsl.catalog import Catalog
from dsl.datatypes import Value
from dsl.memory import Memory
from dsl.typed import Offer
from engine.pricing.amounts import Amounts, Held, amounts_alone, held_by, instead_of
from engine.pricing.quotes import Quote, dated
from engine.pricing.refusals import Refused
from engine.pricing.situations import Reader, Situation, price_list_of, quantities_of

MOST_KEPT = 20_000
"""Distinct offers and situations: some megabytes."""


class Pricer:
    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._reader = Reader(catalog)
        self._counted = {name: quantities_of(catalog, name) for name in catalog.products}
        self._alone: Memory[Amounts | Refused] = Memory(MOST_KEPT)
        self._held: Memory[Held | None] = Memory(MOST_KEPT)

    def situation(self, row: Mapping[str, Value]) -> Situation:
        """As `situation_of`."""
        return self._reader.read(row, price_list_of(self.catalog, row))

    def amounts(self, offer: Offer, product: str, situation: Situation, day: dt.date) -> Amounts | Refused:
        """As `amounts_of`."""
        billed = self._billed(situation, (product, *offer.extras))
        alone = self._alone.recall(
            (offer, product, day, billed), 1, lambda: amounts_alone(self.catalog, offer, product, situation, day)
        )
        if isinstance(alone, Refused):
            return alone
        plan = (situation.plan,) if situation.plan in self._counted else ()
        billed = self._billed(situation, plan)
        held = self._held.recall((situation.plan, billed), 1, lambda: held_by(self.catalog, situation))
        return instead_of(alone, held)

    def quote(self, offer: Offer, product: str, situation: Situation, day: dt.date) -> Quote | Refused:
        """As `quotes.quote`."""
        amounts = self.amounts(offer, product, situation, day)
        return amounts if isinstance(amounts, Refused) else dated(self.catalog, amounts, situation, day)

    def _billed(self, situation: Situation, products: Iterable[str | None]) -> Hashable:
        """What of a situation the list prices of these products depend on."""
        counted = {key for name in products if name is not None for key in self._counted[name]}
        quantities = tuple((key, situation.quantities.get(key)) for key in sorted(counted))
        return situation.interval, situation.currency, situation.price_list, quantities
