"""How likely offers are accepted: learned from what became of those made so far, or brought by the catalog's owner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from dsl.catalog import Catalog
from dsl.typed import Attribute
from engine.decisions.asked import Asked
from engine.decisions.facts import Floats
from engine.decisions.rule_table import Ints
from engine.pricing.situations import stored_attribute
from engine.propensity.outcomes import Outcomes, Prior
from engine.propensity.pooling import Beliefs, learn
from engine.propensity.scores import brought, drawn, draws, expected
from engine.store.tables import offer_counts

SEED = 0
"""Of the draws: another one would draw anew for everybody."""


def reads(catalog: Catalog) -> tuple[Attribute, ...]:
    """The attributes that the propensity policy reads."""
    policy = catalog.policies.propensity
    keys = (policy.by, policy.column) if policy is not None else ()
    return tuple(one for key in keys if key is not None and (one := stored_attribute(catalog, key)) is not None)


@dataclass(frozen=True, slots=True)
class Segments:
    """Of each row of a batch: the segment that its outcomes are counted in (empty: everybody's), the rate that the
    catalog's owner brings for it (NaN: none), and what names its occasion for the draws of its customer.
    """

    segment: Sequence[str]
    own: Floats
    occasion: Sequence[str]


@dataclass(frozen=True, slots=True)
class Learned:
    """Rates believed by product and segment, drawn where the ruleset explores; `own` are brought by the owner."""

    beliefs: Beliefs
    own: Floats  # by row, NaN for none
    segment: Ints  # by row
    explores: bool
    customers: Sequence[str]
    customer: Ints  # by row
    occasions: Sequence[str]
    products: tuple[str, ...]

    def rate(self, row: Ints, product: Ints) -> Floats:
        """See `Propensity.rate`."""
        segment = self.segment[row]
        found = expected(self.beliefs, product, segment) if not self.explores else self._drawn(row, product, segment)
        return brought(found, self.own[row])[0]

    def _drawn(self, row: Ints, product: Ints, segment: Ints) -> Floats:
        people = pa.array(self.customers, pa.string()).take(pa.array(self.customer[row]))
        names = pa.array(self.products, pa.string()).take(pa.array(product))
        keys = pa.array(self.occasions, pa.string()).take(pa.array(row))
        return drawn(self.beliefs, product, segment, draws(SEED, people, names, keys))


def learned(connection: sa.Connection, asked: Asked, segments: Segments) -> Learned | None:
    """What the outcomes so far say of each row; None where the catalog asks for no propensity."""
    policy = asked.rules.catalog.policies.propensity
    if policy is None:
        return None
    counts = connection.execute(sa.select(offer_counts)).mappings().all()
    names = sorted({*segments.segment, *(row["segment"] for row in counts)})
    place = {name: number for number, name in enumerate(names)}
    shape = len(asked.rules.product_names), len(names)
    shown, accepted = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    for row in counts:
        product = asked.rules.product_number.get(row["product"])
        if product is not None:
            shown[product, place[row["segment"]]] = row["shown"]
            accepted[product, place[row["segment"]]] = row["accepted"]
    return Learned(
        learn(Outcomes(shown, accepted), Prior(mean=float(policy.prior) / 100)),
        segments.own,
        np.array([place[name] for name in segments.segment], np.int64),
        policy.explore,
        asked.customers,
        asked.customer,
        segments.occasion,
        asked.rules.product_names,
    )
