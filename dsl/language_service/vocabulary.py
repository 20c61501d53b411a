"""The words of a folder, each with what an editor says of it; those of the catalog are listed once a catalog."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from dsl.catalog import BUILT_IN, Catalog, Moment, MomentKind, Owner, Product
from dsl.datatypes import DataType, Kind
from dsl.files import read_folder_catalog
from dsl.folder import CATALOG, MESSAGES, RULES, Files
from dsl.memory import Memory
from dsl.products import Charge
from dsl.source import Span
from dsl.suggestions import listed

_MOST_KEPT = 4_000_000
# Of texts in small letters. Each begins with letters that stand for themselves, which is what makes it quick.
_NAMING = {
    "rule": re.compile(r"rule[ \t]+([a-z][a-z0-9_]*)"),
    "segment": re.compile(r"segment[ \t]+([a-z][a-z0-9_]*)"),
    "tag": re.compile(r"tag(?:ged)?[ \t]+([a-z][a-z0-9_]*)"),
    "arm": re.compile(r"%\s*([a-z][a-z0-9_]*)\s*:"),
}
_AT_LINE_START = ("rule", "segment")


@dataclass(frozen=True, slots=True)
class Entry:
    """A word: what it is (`kind`), in a few words (`detail`), and what its author wrote of it."""

    label: str
    kind: str
    detail: str = ""
    documentation: str = ""


@dataclass(frozen=True, slots=True)
class Completion:
    """`insert` replaces `span` of the text; `kind` is a word such as attribute, plan, value, keyword, comparator."""

    label: str
    kind: str
    detail: str
    insert: str
    documentation: str
    span: Span


@dataclass(frozen=True, eq=False)
class CatalogWords:
    """What a catalog brings, ready to be shown. `types` are those of the attributes, by bare and by full name."""

    catalog: Catalog
    moments: tuple[Entry, ...]
    events: tuple[Entry, ...]
    attributes: tuple[Entry, ...]
    products: tuple[Entry, ...]
    addons: tuple[Entry, ...]
    meters: tuple[Entry, ...]
    channels: tuple[Entry, ...]
    tasks: tuple[Entry, ...]
    types: Mapping[str, DataType]

    def properties(self, moments: Iterable[str]) -> tuple[Entry, ...]:
        """The properties of these moments, each once."""
        found: dict[str, Entry] = {}
        for name in moments:
            if (moment := self.catalog.moments.get(name)) is not None:
                for word, type_ in moment.properties.items():
                    found.setdefault(word, Entry(word, "property", f"{described(type_)} of {name}"))
        return tuple(found.values())

    def type_of(self, word: str, moments: Iterable[str]) -> DataType | None:
        """The type of a name on the left: a property of the moments, else an attribute."""
        prefix, _, name = word.rpartition(".")
        asked = [prefix] if prefix in self.catalog.moments else moments if prefix in ("", Owner.EVENT) else ()
        for moment in asked:
            if moment in self.catalog.moments and name in self.catalog.moments[moment].properties:
                return self.catalog.moments[moment].properties[name]
        return self.types.get(word)


_catalogs: Memory[CatalogWords | None] = Memory(_MOST_KEPT)
_scanned: Memory[tuple[str, ...]] = Memory(_MOST_KEPT)


def catalog_words(files: Files) -> CatalogWords | None:
    """The words of the folder's catalog; None without a usable one."""
    text = files.get(CATALOG, "")

    def make() -> CatalogWords | None:
        catalog = read_folder_catalog(files).catalog
        return _listed(catalog) if catalog else None

    return _catalogs.recall(text, len(text), make)


def declared(files: Files, kind: str) -> tuple[Entry, ...]:
    """The names of a folder's own: rules, segments, tags, arms (by their text) and messages (by their files)."""
    if kind == "message":
        names = [PurePosixPath(path).stem for path in sorted(files) if path.startswith(MESSAGES)]
    else:
        scans = (_scan(kind, path, files[path]) for path in sorted(files) if path.endswith(RULES))
        names = [name for scan in scans for name in scan]
    return tuple(Entry(name, kind, kind) for name in dict.fromkeys(names))


def _scan(kind: str, path: str, text: str) -> tuple[str, ...]:
    def make() -> tuple[str, ...]:
        lowered = text.lower()
        found = [match for match in _NAMING[kind].finditer(lowered) if _begins(kind, lowered, match.start())]
        return tuple(dict.fromkeys(match[1] for match in found))

    return _scanned.recall((kind, path, text), len(text), make)


def _begins(kind: str, lowered: str, at: int) -> bool:
    """Whether the word there is one of its own, and the first of its line where it must be."""
    if kind in _AT_LINE_START:
        return not lowered[lowered.rfind("\n", 0, at) + 1 : at].strip()
    return kind != "tag" or not lowered[max(0, at - 1) : at].isalnum() or lowered[max(0, at - 2) : at] == "un"


# --- in words ---------------------------------------------------------------------------------------------------------


def described(type_: DataType) -> str:
    """A type in a few words: "one of US, DE", "months since started_on"."""
    match type_.kind:
        case Kind.ENUM:
            return f"one of {listed(type_.values, 'or')}"
        case Kind.SET:
            return f"a set of {', '.join(type_.values)}" if type_.values else "a set"
        case Kind.ELAPSED:
            return f"{type_.unit} since {type_.since}"
        case Kind.FLAG:
            return "true or false"
        case Kind.ADDON:
            return "an add-on"
        case Kind.NUMBER | Kind.COUNT | Kind.DATE | Kind.PLAN:
            return f"a {type_.kind}"
        case Kind.PERCENT:
            return "a percentage"
    return str(type_.kind)


def moment_detail(moment: Moment) -> str:
    """What a moment is and whose: "each month from started_on, of a subscription"."""
    whose = f"of a {moment.owner}"
    match moment.kind:
        case MomentKind.RECURRING:
            interval = str(moment.recurs).replace("_", " ")
            every = f"every {moment.every} {interval}s" if moment.every > 1 else f"each {interval}"
            return f"{every} from {moment.attribute}, {whose}"
        case MomentKind.DATED:
            return f"on the day of {moment.attribute}, {whose}"
        case MomentKind.CROSSING:
            return f"a meter passes {listed([f'{level}%' for level in moment.levels], 'or')} of its quota, {whose}"
    return f"an event {whose}"


def product_detail(product: Product) -> str:
    """Its prices in the first currency, and what it brings with it: "30.00 USD a month, with family and backup"."""
    prices = ", ".join(f"{_price(several[0])} a {interval}" for interval, several in product.charges.items())
    included = f"with {listed(product.includes)}" if product.includes else ""
    return ", ".join(filter(None, (prices, included)))


def _price(charge: Charge) -> str:
    return str(charge.flat or f"a {charge.model.replace('_', ' ')} price by {charge.per}")


def _listed(catalog: Catalog) -> CatalogWords:
    moments = tuple(Entry(one.name, "moment", moment_detail(one), one.doc) for one in catalog.moments.values())
    eventful = {one.name for one in catalog.moments.values() if one.kind in (MomentKind.EVENT, MomentKind.CROSSING)}
    plans = tuple(Entry(one.name, "plan", product_detail(one), one.title) for one in catalog.plans.values())
    addons = tuple(Entry(one.name, "add-on", product_detail(one), one.title) for one in catalog.addons.values())
    bundles = tuple(Entry(one.name, "bundle", product_detail(one), one.title) for one in catalog.bundles.values())
    types = _types(catalog)
    return CatalogWords(
        catalog,
        moments,
        tuple(one for one in moments if one.label in eventful),
        _attributes(catalog, types),
        plans + addons + bundles,
        addons,
        tuple(Entry(one.name, "meter", f"a {one.kind} in {one.unit}") for one in catalog.meters.values()),
        tuple(Entry(name, "channel", "a channel") for name in catalog.channels),
        tuple(Entry(name, "task", f"via {channel}") for name, channel in catalog.tasks.items()),
        types,
    )


def _types(catalog: Catalog) -> dict[str, DataType]:
    """By full name, and by bare name where it is the name of one only."""
    found: dict[str, DataType] = {}
    bare: dict[str, list[DataType]] = {}
    for owner in (Owner.SUBSCRIPTION, Owner.CUSTOMER):
        own = {name: one.type for name, one in catalog.attributes(owner).items()} | dict(BUILT_IN[owner])
        for name, type_ in own.items():
            found[f"{owner}.{name}"] = type_
            bare.setdefault(name, []).append(type_)
    return {name: types[0] for name, types in bare.items() if len(types) == 1} | found


def _attributes(catalog: Catalog, types: Mapping[str, DataType]) -> tuple[Entry, ...]:
    """Bare names, and full ones for who begins with the owner or where a bare name would be two."""
    found = []
    for name, type_ in types.items():
        owner, _, word = name.rpartition(".")
        owners = [Owner(owner)] if owner else [Owner.SUBSCRIPTION, Owner.CUSTOMER]
        declaration = next((own[word] for one in owners if word in (own := catalog.attributes(one))), None)
        found.append(Entry(name, "attribute", described(type_), declaration.doc if declaration else ""))
    return tuple(found)
