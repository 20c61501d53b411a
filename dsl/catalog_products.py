"""Plans, add-ons and bundles from YAML: names first, for they name one another, then each for itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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
        reading = self.reading
        fields = reading.table(node, f"the {kind} {name}", _KEYS[kind])
        at = fields.get
        title = reading.text(fields["title"], "title") if "title" in fields else None
        needs = self._named(at("needs"), "needs", "plan or add-on", ("plan", "add-on"))
        includes = self._named(at("includes"), "includes", *_MAY_INCLUDE[kind])
        starts = reading.date(fields["from"], "from") if "from" in fields else None
        ends = reading.date(fields["until"], "until") if "until" in fields else None
        if starts is not None and ends is not None and ends < starts:
            reading.refuse(price_errors.ends_before_start(reading.source, fields["until"].span, name))
        found = Product(
            name=name,
            title=title or name.replace("_", " ").capitalize(),
            charges=self._charges(at("price"), "price"),
            rank=(reading.whole(fields["rank"], "rank", 0, 10_000) or 0) if "rank" in fields else 0,
            quota=self._amounts(at("quota"), "quota"),
            adds=self._amounts(at("adds"), "adds"),
            needs=tuple(one for one in needs if one in self.names["plan"]),
            needs_addons=tuple(one for one in needs if one in self.names["add-on"]),
            includes=includes,
            excludes=self._named(at("excludes"), "excludes", "plan or add-on", ("plan", "add-on")),
            entitlements=reading.items(at("entitlements"), "entitlements", reading.text),
            phases=self._phases(at("phases")),
            trial_days=(reading.days(fields["trial"], "trial") or 0) if "trial" in fields else 0,
            costs={} if _is_share(at("cost")) else self._charges(at("cost"), "cost"),
            cost_share=reading.percent(fields["cost"], "cost") if _is_share(at("cost")) else None,
            starts=starts,
            ends=ends,
        )
        for each, place in (("needs", at("needs")), ("includes", at("includes"))):
            if place is not None:
                self.places[each, name] = place
        self._refuse_contradictions(found, fields)
        if kind == "bundle":
            self._refuse_no_bundle(found, key)
        return found

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

    def _refuse_no_bundle(self, bundle: Product, key: Scalar) -> None:
        plans = [name for name in bundle.includes if name in self.names["plan"]]
        if len(plans) > 1 or len(bundle.includes) < 2:
            self.reading.refuse(price_errors.bundle_parts(self.reading.source, key.span, bundle.name, plans))


_MAY_INCLUDE: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "plan": ("add-on", ("add-on",)),
    "add-on": ("add-on", ("add-on",)),
    "bundle": ("plan or add-on", ("plan", "add-on")),
}


def _is_share(node: Node | None) -> bool:
    """`cost: 30%`, a share of the price, rather than an amount by interval."""
    return node is not None and not isinstance(node, Table)
