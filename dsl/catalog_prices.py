"""Prices from YAML, in the short form and with a price model.

    price: {month: 6 USD, year: [60 USD, 55 EUR]}
    price:
      month: {each: 8 USD, per: seats, flat: 10 USD, free: 3, minimum: 20 USD, maximum: 500 USD}
      year:
        per: api_calls
        graduated: [{up_to: 1000, flat: 5 USD}, {up_to: 50000, each: 0.01 USD}, {each: 0.005 USD}]

The key names the model: `each`, `graduated`, `volume`, `stair_step`, `package` (with `of`) or `percent`; a `flat`
amount alone is a flat price. All but the flat one say what they count by `per`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from dsl import catalog_errors, price_errors
from dsl.catalog_money import read_money, read_rate
from dsl.catalog_shapes import Reading
from dsl.datatypes import Money
from dsl.products import INTERVALS, Charge, Model, Tier
from dsl.source import Span
from dsl.yaml_reader import Listing, Node, Table

MODELS = {
    "each": Model.PER_UNIT,
    "graduated": Model.GRADUATED,
    "volume": Model.VOLUME,
    "stair_step": Model.STAIR_STEP,
    "package": Model.PACKAGE,
    "percent": Model.PERCENTAGE,
}
_COUNTING = tuple(key for key in MODELS if key != "percent")
_KEYS = (*MODELS, "flat", "per", "of", "free", "minimum", "maximum", "currency")


@dataclass(frozen=True, slots=True)
class Countable:
    """What a price may be per: names of counts and meters, and of money for a percentage."""

    counts: Collection[str]
    money: Collection[str]


def read_charges(
    reading: Reading, node: Node | None, what: str, currency: str, countable: Countable
) -> dict[str, tuple[Charge, ...]]:
    """`what` is "price" or "cost"; `currency` is that of amounts which name none."""
    found = {}
    before = len(reading.diagnostics)
    for interval, value in reading.table(node, f"a {what}", INTERVALS).items():
        charges = _of_interval(reading, value, f"the {what} a {interval}", currency, countable)
        if charges:
            found[interval] = charges
    if isinstance(node, Table) and not found and len(reading.diagnostics) == before:
        reading.refuse(price_errors.no_price(reading.source, node.span, f"this {what}"))
    return found


def _of_interval(reading: Reading, node: Node, what: str, currency: str, countable: Countable) -> tuple[Charge, ...]:
    found: dict[str, Charge] = {}
    for item in node.items if isinstance(node, Listing) else (node,):
        charge = _charge(reading, item, what, currency, countable)
        if charge is not None and charge.currency in found:
            reading.refuse(price_errors.price_twice(reading.source, item.span, what, charge.currency))
        elif charge is not None:
            found[charge.currency] = charge
    return tuple(found.values())


def _charge(reading: Reading, node: Node, what: str, currency: str, countable: Countable) -> Charge | None:
    if not isinstance(node, Table):
        price = read_money(reading, node, what, currency)
        return Charge(Model.FLAT, price.currency, Decimal(price.minor), span=node.span) if price else None
    fields = reading.table(node, what, _KEYS)
    if (at := fields.get("currency")) is not None and (given := reading.currency(at, "currency")) is not None:
        currency = given
    model = _model(reading, node, fields, what)
    return _Modelled(reading, fields, node.span, what, currency).charge(model, countable) if model else None


def _model(reading: Reading, node: Table, fields: Mapping[str, Node], what: str) -> Model | None:
    """Which model the keys speak of; the keys that only some models have go with no other."""
    named = [key for key in fields if key in MODELS]
    if len(named) > 1:
        reading.refuse(price_errors.two_models(reading.source, node.span, what, named))
        return None
    if not named and "flat" not in fields:
        reading.refuse(price_errors.no_price(reading.source, node.span, what))
        return None
    model = MODELS[named[0]] if named else Model.FLAT
    for key, models in (
        ("of", ("package",)),
        ("per", tuple(MODELS)),
        ("free", _COUNTING),
    ):
        if key in fields and not set(models) & set(named):
            reading.refuse(price_errors.key_of_model(reading.source, fields[key].span, key, models))
            return None
    for key, why in (("per", "what it counts"), *((("of", "how many units a package has"),) * ("package" in named))):
        if named and key not in fields:
            reading.refuse(price_errors.model_needs(reading.source, node.span, what, key, why))
            return None
    return model


class _Modelled:
    """The reading of one price with a model; the first amount that names a currency settles it for all."""

    def __init__(self, reading: Reading, fields: Mapping[str, Node], span: Span, what: str, currency: str) -> None:
        self.reading, self.fields, self.span, self.what = reading, fields, span, what
        self.default = currency
        self.settled: str | None = None

    def charge(self, model: Model, countable: Countable) -> Charge | None:
        before = len(self.reading.diagnostics)
        found = self._sized(self._amounts(model))
        found = replace(found, per=self._per(model, countable), currency=self.settled or self.default)
        return found if len(self.reading.diagnostics) == before else None

    def _amounts(self, model: Model) -> Charge:
        plain = Charge(model, self.default, span=self.span)
        match model:
            case Model.PER_UNIT:
                return replace(plain, amount=self._rate("each"))
            case Model.PACKAGE:
                return replace(plain, amount=self._rate("package"), size=self._number("of", least=Decimal(1)))
            case Model.PERCENTAGE:
                return replace(plain, percent=self.reading.percent(self.fields["percent"], "percent") or Decimal(0))
            case Model.FLAT:
                return replace(plain, amount=Decimal(self._minor("flat") or 0))
        return replace(plain, tiers=self._tiers(model))

    def _sized(self, charge: Charge) -> Charge:
        low, high = self._minor("minimum"), self._minor("maximum")
        if low is not None and high is not None and low > high:
            currency = self.settled or self.default
            said = Money(low, currency), Money(high, currency)
            span = self.fields["minimum"].span
            self.reading.refuse(price_errors.minimum_over_maximum(self.reading.source, span, *said))
        fee = 0 if charge.model is Model.FLAT else self._minor("flat") or 0
        return replace(charge, flat_fee=fee, free_units=self._number("free"), minimum=low, maximum=high)

    # --- what it counts

    def _per(self, model: Model, countable: Countable) -> str | None:
        if (node := self.fields.get("per")) is None or (text := self.reading.text(node, "per")) is None:
            return None
        is_share = model is Model.PERCENTAGE
        known = countable.money if is_share else countable.counts
        if text not in known:
            kind = "an amount of money of a subscription or customer" if is_share else "a count or a meter"
            self.reading.refuse(price_errors.unknown_quantity(self.reading.source, node.span, text, known, kind))
        return text

    def _tiers(self, model: Model) -> tuple[Tier, ...]:
        node = self.fields[model]
        items = node.items if isinstance(node, Listing) else ()
        if not items:
            self.reading.refuse(price_errors.no_price(self.reading.source, node.span, f"{model} of {self.what}"))
        found: list[Tier] = []
        for item in items:
            tier = self._tier(item, stepped=model is Model.STAIR_STEP)
            if found and found[-1].up_to is None:
                self.reading.refuse(price_errors.tier_after_last(self.reading.source, item.span))
            elif found and tier.up_to is not None and found[-1].up_to is not None and tier.up_to <= found[-1].up_to:
                at = price_errors.tier_order(self.reading.source, item.span, tier.up_to, found[-1].up_to)
                self.reading.refuse(at)
            found.append(tier)
        if found and found[-1].up_to is not None:
            at = price_errors.last_tier_ends(self.reading.source, items[-1].span, found[-1].up_to)
            self.reading.refuse(at)
        return tuple(found)

    def _tier(self, node: Node, *, stepped: bool) -> Tier:
        known = ("up_to", "flat") if stepped else ("up_to", "each", "flat")
        fields = self.reading.table(node, "a tier", known)
        if not {"each", "flat"} & set(fields) and isinstance(node, Table):
            self.reading.refuse(price_errors.no_price(self.reading.source, node.span, "this tier"))
        up_to = self._number("up_to", fields) if "up_to" in fields else None
        return Tier(up_to, self._rate("each", fields), self._minor("flat", fields) or 0)

    # --- amounts

    def _rate(self, key: str, fields: Mapping[str, Node] | None = None) -> Decimal:
        node = (self.fields if fields is None else fields).get(key)
        found = read_rate(self.reading, node, key, self.settled or self.default) if node is not None else None
        if node is None or found is None:
            return Decimal(0)
        self._settle(node, found[1])
        return found[0]

    def _minor(self, key: str, fields: Mapping[str, Node] | None = None) -> int | None:
        node = (self.fields if fields is None else fields).get(key)
        found = read_money(self.reading, node, key, self.settled or self.default) if node is not None else None
        if node is None or found is None:
            return None
        self._settle(node, found.currency)
        return found.minor

    def _settle(self, node: Node, currency: str) -> None:
        if self.settled is not None and currency != self.settled:
            at = price_errors.two_currencies(self.reading.source, node.span, self.settled, currency)
            self.reading.refuse(at)
        self.settled = self.settled or currency

    def _number(self, key: str, fields: Mapping[str, Node] | None = None, least: Decimal = Decimal(0)) -> Decimal:
        """A number of units, `least` where it is not said."""
        if (node := (self.fields if fields is None else fields).get(key)) is None:
            return least
        number = self.reading.decimal(node, key)
        if number is not None and number < least:
            at = catalog_errors.out_of_range(self.reading.source, node.span, key, least, None)
            self.reading.refuse(at)
        return number if number is not None else least
