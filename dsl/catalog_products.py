"""Plans, add-ons and bundles from YAML: names first, for they name one another, then each for itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from dsl import catalog_errors, price_errors
from dsl.catalog import Meter
from dsl.catalog_prices import Countable, read_charges
from dsl.catalog_shapes import Reading
from dsl.circles import circles
from dsl.products import Charges, Phase, Product
from dsl.yaml_reader import Listing, Node, Scalar, Table

_COMMON = ("title", "price", "phases", "cost", "trial", "includes", "excludes", "entitlements", "from", "until")
_KEYS = {
    "plan": (*_COMMON, "rank", "quota"),
    "add-on": (*_COMMON, "adds", "needs"),
    "bundle": _COMMON,
}


@dataclass(frozen=True, slots=True)
class Products:
    plans: Mapping[str, Product]
    addons: Mapping[str, Product]
    bundles: Mapping[str, Product]

    @property
    def all(self) -> dict[str, Product]:
        return {**self.plans, **self.addons, **self.bundles}


def read_products(
    reading: Reading,
    sections: Mapping[str, Node],
    currency: str,
    meters: Mapping[str, Meter],
    countable: Countable,
) -> Products:
    """The sections `plans`, `addons` and `bundles`."""
    return _ProductReader(reading, sections, currency, meters, countable).read()


class _ProductReader:
    def __init__(
        self,
        reading: Reading,
        sections: Mapping[str, Node],
        currency: str,
        meters: Mapping[str, Meter],
        countable: Countable,
    ) -> None:
        self.reading, self.sections = reading, sections
        self.currency, self.meters, self.countable = currency, meters, countable
        self.names: dict[str, list[str]] = {kind: [] for kind in _KEYS}
        self.places: dict[tuple[str, str], Node] = {}
        self.nodes: dict[str, list[tuple[str, Scalar, Node]]] = {kind: [] for kind in _KEYS}

    def read(self) -> Products:
        for kind, section in (("plan", "plans"), ("add-on", "addons"), ("bundle", "bundles")):
            self._collect(kind, self.sections.get(section), section)
        found = {kind: {one[0]: self._product(kind, *one) for one in self.nodes[kind]} for kind in _KEYS}
        products = Products(found["plan"], found["add-on"], found["bundle"])
        self._refuse_circles("needs", {one.name: one.needs_addons for one in products.addons.values()})
        self._refuse_circles("includes", {name: one.includes for name, one in products.all.items()})
        return products

    def _collect(self, kind: str, node: Node | None, section: str) -> None:
        for key, value in self.reading.entries(node, section):
            name = self.reading.name(key, kind)
            if name is None:
                continue
            taken = next((other for other, names in self.names.items() if name in names), None)
            if taken is not None:
                article = "an" if taken == "add-on" else "a"
                self.reading.refuse(price_errors.name_taken(self.reading.source, key.span, name, f"{article} {taken}"))
                continue
            self.names[kind].append(name)
            self.nodes[kind].append((name, key, value))

    def _product(self, kind: str, name: str, key: Scalar, node: Node) -> Product:
        fields = self.reading.table(node, f"the {kind} {name}", _KEYS[kind])
        plain = Product(name, self._title(name, fields.get("title")))
        found = self._sold(self._related(self._priced(plain, fields), kind, fields), fields)
        self.places.update({(each, name): fields[each] for each in ("needs", "includes") if each in fields})
        self._refuse_contradictions(found, fields)
        self._refuse_phases_alone(found)
        if kind == "bundle":
            self._refuse_no_bundle(found, key)
        return found

    def _title(self, name: str, node: Node | None) -> str:
        title = self.reading.text(node, "title") if node is not None else None
        return title or name.replace("_", " ").capitalize()

    def _priced(self, product: Product, fields: Mapping[str, Node]) -> Product:
        cost = fields.get("cost")
        is_share = cost is not None and not isinstance(cost, Table)  # `cost: 30%`, rather than an amount by interval
        return replace(
            product,
            charges=self._charges(fields.get("price"), "price"),
            phases=self._phases(fields.get("phases")),
            costs={} if is_share else self._charges(cost, "cost"),
            cost_share=self.reading.percent(cost, "cost") if cost is not None and is_share else None,
        )

    def _related(self, product: Product, kind: str, fields: Mapping[str, Node]) -> Product:
        """What it has to do with other products and with meters."""
        needs = self._named(fields.get("needs"), "needs", "plan or add-on", ("plan", "add-on"))
        return replace(
            product,
            quota=self._amounts(fields.get("quota"), "quota"),
            adds=self._amounts(fields.get("adds"), "adds"),
            needs=tuple(one for one in needs if one in self.names["plan"]),
            needs_addons=tuple(one for one in needs if one in self.names["add-on"]),
            includes=self._named(fields.get("includes"), "includes", *_MAY_INCLUDE[kind]),
            excludes=self._named(fields.get("excludes"), "excludes", "plan or add-on", ("plan", "add-on")),
        )

    def _sold(self, product: Product, fields: Mapping[str, Node]) -> Product:
        """What it is beside others, and when it is sold."""
        reading = self.reading
        starts = reading.date(fields["from"], "from") if "from" in fields else None
        ends = reading.date(fields["until"], "until") if "until" in fields else None
        if starts is not None and ends is not None and ends < starts:
            reading.refuse(price_errors.ends_before_start(reading.source, fields["until"].span, product.name))
        return replace(
            product,
            rank=(reading.whole(fields["rank"], "rank", 0, 10_000) or 0) if "rank" in fields else 0,
            entitlements=reading.items(fields.get("entitlements"), "entitlements", reading.text),
            trial_days=(reading.days(fields["trial"], "trial") or 0) if "trial" in fields else 0,
            starts=starts,
            ends=ends,
        )

    # --- parts

    def _charges(self, node: Node | None, what: str) -> Charges:
        return read_charges(self.reading, node, what, self.currency, self.countable) if node is not None else {}

    def _phases(self, node: Node | None) -> tuple[Phase, ...]:
        """`phases: [{for: 3 months, price: {month: 3 USD}}]`."""
        found = []
        for item in node.items if isinstance(node, Listing) else (node,) if node is not None else ():
            fields = self.reading.table(item, "a phase", ("for", "price"), ("for", "price"))
            if len(fields) < 2:
                continue
            months = self.reading.months(fields["for"], "for")
            charges = self._charges(fields["price"], "price")
            if months is not None:
                found.append(Phase(months, charges))
        return tuple(found)

    def _named(self, node: Node | None, key: str, what: str, kinds: Iterable[str]) -> tuple[str, ...]:
        known = [name for kind in kinds for name in self.names[kind]]
        return self.reading.items(node, key, lambda item, _: self.reading.known(item, what, known))

    def _amounts(self, node: Node | None, what: str) -> dict[str, Decimal]:
        """By meter, in its unit."""
        found = {}
        for key, value in self.reading.entries(node, what):
            meter = self.reading.known(key, "meter", tuple(self.meters))
            amount = self.reading.decimal(value, what)
            if meter is not None and amount is not None:
                if amount < 0:
                    refusal = catalog_errors.out_of_range(self.reading.source, value.span, what, 0, None)
                    self.reading.refuse(refusal)
                found[meter] = amount
        return found

    # --- what does not go together

    def _refuse_circles(self, key: str, uses: Mapping[str, tuple[str, ...]]) -> None:
        told: set[str] = set()
        known = {name: [other for other in used if other in uses] for name, used in uses.items()}
        for name, ring in circles(known).items():
            if name not in told:
                place = self.places[key, ring[0]]
                self.reading.refuse(price_errors.circle(self.reading.source, place.span, key, ring))
            told.update(ring)

    def _refuse_contradictions(self, product: Product, fields: Mapping[str, Node]) -> None:
        own = {*product.needs_addons, *product.includes, product.name}
        if len(product.needs) == 1:
            own.add(product.needs[0])
        for name in product.excludes:
            if name in own:
                span = fields["excludes"].span
                refusal = price_errors.excludes_own(self.reading.source, span, product.name, name)
                self.reading.refuse(refusal)

    def _refuse_phases_alone(self, product: Product) -> None:
        """A phase is a while of a price: where there is no price after it, nobody could have it."""
        for phase in product.phases:
            for interval, several in phase.charges.items():
                lasting = {one.currency for one in product.charges.get(interval, ())}
                for one in several:
                    if one.currency not in lasting:
                        told = product.name, interval, one.currency
                        self.reading.refuse(price_errors.phase_alone(self.reading.source, one.span, *told))

    def _refuse_no_bundle(self, bundle: Product, key: Scalar) -> None:
        plans = [name for name in bundle.includes if name in self.names["plan"]]
        if len(plans) > 1 or len(bundle.includes) < 2:
            self.reading.refuse(price_errors.bundle_parts(self.reading.source, key.span, bundle.name, plans))


_MAY_INCLUDE: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "plan": ("add-on", ("add-on",)),
    "add-on": ("add-on", ("add-on",)),
    "bundle": ("plan or add-on", ("plan", "add-on")),
}
