"""Price lists, upgrade paths and the policies of offers from YAML.

price_lists:
  uk:       {for: {country: GB}, currency: GBP, prices: {basic: {month: 5, year: 50}}}
  students: {for: {segment: students}, currency: USD, prices: {basic: {month: 3}}}
paths:
  free: [basic, standard]
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import partial

from dsl import catalog_errors, price_errors
from dsl.catalog import AttributeDeclaration, Catalog
from dsl.catalog_prices import Countable, read_charges
from dsl.catalog_products import Products
from dsl.catalog_shapes import Reading
from dsl.datatypes import Kind
from dsl.diagnostics import Diagnostic
from dsl.products import BelowCost, Charges, OfferPolicies, PriceList, Product, Proration
from dsl.source import Source, Span
from dsl.yaml_reader import Node, Scalar, Table

OFFER_POLICIES = ("below_cost", "horizon", "proration")
"""The keys of `policies` that are about offers."""


def read_price_lists(
    reading: Reading,
    node: Node | None,
    products: Products,
    customer: Mapping[str, AttributeDeclaration],
    countable: Countable,
) -> dict[str, PriceList]:
    """In the order in which they are tried."""
    found = {}
    for key, value in reading.entries(node, "price_lists"):
        name = reading.name(key, "a price list")
        fields = reading.table(value, f"the price list {key.text}", ("for", "currency", "prices"), ("prices",))
        if name is None:
            continue
        if "currency" not in fields:
            reading.refuse(price_errors.list_without_currency(reading.source, key.span, name))
            continue
        if "for" not in fields:
            reading.refuse(price_errors.list_for_nobody(reading.source, key.span, name))
            continue
        currency = reading.currency(fields["currency"], "currency")
        values, segment = _whom(reading, fields["for"], name, customer)
        charges = _charges(reading, fields.get("prices"), name, currency, products, countable)
        span = segment.span if segment else Span(0, 0)
        found[name] = PriceList(name, currency or "", values, segment.text if segment else None, charges, span)
    return found


def _whom(
    reading: Reading, node: Node, name: str, customer: Mapping[str, AttributeDeclaration]
) -> tuple[dict[str, tuple[str, ...]], Scalar | None]:
    known = [name for name, one in customer.items() if one.type.kind is Kind.ENUM]
    values: dict[str, tuple[str, ...]] = {}
    segment: Scalar | None = None
    if isinstance(node, Table) and not node.entries:
        reading.refuse(price_errors.list_for_nobody(reading.source, node.span, name))
    for key, value in reading.entries(node, "for"):
        if key.text == "segment":
            segment = value if isinstance(value, Scalar) and reading.text(value, "segment") else None
        elif key.text not in known:
            refusal = price_errors.no_such_attribute(reading.source, key.span, key.text, [*known, "segment"])
            reading.refuse(refusal)
        else:
            choice = partial(reading.choice, known=customer[key.text].type.values)
            values[key.text] = reading.items(value, f"a value of {key.text}", choice)
    return values, segment


def _charges(
    reading: Reading, node: Node | None, name: str, currency: str | None, products: Products, countable: Countable
) -> dict[str, Charges]:
    found: dict[str, Charges] = {}
    for key, value in reading.entries(node, "prices"):
        product = reading.known(key, "product", list(products.all))
        charges = read_charges(reading, value, "price", currency or "USD", countable)
        if product is None:
            continue
        found[product] = charges
        for one in (each for several in charges.values() for each in several):
            if currency is not None and one.currency != currency:
                refusal = price_errors.outside_list(reading.source, one.span, name, currency, one.currency)
                reading.refuse(refusal)
    return found


def read_paths(reading: Reading, node: Node | None, products: Products) -> dict[str, tuple[str, ...]]:
    plans = list(products.plans)
    found = {}
    for key, value in reading.entries(node, "paths"):
        plan = reading.known(key, "plan", plans)
        onward = reading.items(value, "paths", lambda item, _: reading.known(item, "plan", plans))
        if plan is not None:
            found[plan] = onward
    return found


def read_offer_policies(reading: Reading, fields: Mapping[str, Node]) -> OfferPolicies:
    """From the table of policies."""
    plain = OfferPolicies()
    at = fields.get
    below = reading.choice(below_at, "below_cost", tuple(BelowCost)) if (below_at := at("below_cost")) else None
    horizon = reading.months(horizon_at, "horizon") if (horizon_at := at("horizon")) else None
    proration = reading.choice(mode_at, "proration", tuple(Proration)) if (mode_at := at("proration")) else None
    return OfferPolicies(
        BelowCost(below) if below else plain.below_cost,
        horizon or plain.horizon,
        Proration(proration) if proration else plain.proration,
    )


def unknown_segments(catalog: Catalog, source: Source, segments: Collection[str]) -> Iterator[Diagnostic]:
    """A diagnostic for each price list of a segment that no file of rules declares; `source` is the catalog's."""
    for one in catalog.price_lists.values():
        if one.segment is not None and one.segment not in segments:
            yield catalog_errors.unknown(source, one.segment_span, "segment", one.segment, segments)


# --- prices below cost ------------------------------------------------------------------------------------------------


def tell_below_cost(
    reading: Reading, products: Products, lists: Mapping[str, PriceList], policies: OfferPolicies
) -> None:
    """Flat prices under the flat cost of the same interval and currency; a price of nothing is meant."""
    if policies.below_cost is BelowCost.ALLOW:
        return
    for what, product, charges in _all_prices(products, lists):
        for interval, several in charges.items():
            for charge in several:
                price = charge.flat
                cost = product.flat_cost(interval, price) if price is not None else None
                if price is not None and cost is not None and 0 < price.minor < cost.minor:
                    told = f"{what} a {interval}"
                    forbidden = policies.below_cost is BelowCost.FORBID
                    refusal = price_errors.below_cost(reading.source, charge.span, told, price, cost, forbidden)
                    reading.refuse(refusal)


def _all_prices(products: Products, lists: Mapping[str, PriceList]) -> Iterator[tuple[str, Product, Charges]]:
    for name, product in products.all.items():
        yield f"the price of {name}", product, product.charges
        for phase in product.phases:
            yield f"the price of a phase of {name}", product, phase.charges
        for one in lists.values():
            if name in one.charges:
                yield f"the price of {name} in the price list {one.name}", product, one.charges[name]
