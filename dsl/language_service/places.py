"""What may come at a place inside a declaration: names by their role, comparators and values by type, keywords."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from dsl.catalog import sold_in
from dsl.datatypes import DataType, Kind, Unit
from dsl.folder import Files
from dsl.language_service.operands import compared_type, moments_of, type_of
from dsl.language_service.reading import Reading
from dsl.language_service.roles import COMPARATORS, Role, roles, walk
from dsl.language_service.vocabulary import CatalogWords, Entry, catalog_words, declared
from dsl.operators import OPERATORS
from dsl.words import SPELLINGS

_TEST_MOMENT = re.compile(r"\bon\s+(?:\d+\s+\w+\s+(?:before|after)\s+)?([a-z][a-z0-9_]*)", re.IGNORECASE)
_ORDERED = frozenset([Kind.NUMBER, Kind.COUNT, Kind.DATE, Kind.MONEY])

# Words that go by the type of a left side, or that complete a word before them; the others show wherever they fit.
_BY_TYPE = COMPARATORS | {"NOT", "WITHIN", "WITHIN_LAST", "MORE_THAN", "LESS_THAN"}
_NEVER_SHOWN = frozenset(["UNIT", "LPAR", "RPAR", "_COMMA", "_COLON", "_OF"])
_VALUES_OF_TIME = frozenset(["COUNT_OF", "SUM_OF", "LAST", "USAGE_OF", "QUOTA_OF"])
_AT_THE_LEFT = {"WAS": ("was offered", "was not offered"), "IS": ("is tagged", "is not tagged")}


def _comparators(kind: Kind) -> tuple[str, ...]:
    """How the operators of a kind are written, the table's order."""
    written = (row.spelling for row in OPERATORS.values() if kind in row.kinds)
    dates = ("before", "after", "on", "more than", "less than") if kind is Kind.DATE else ()
    return (*dict.fromkeys(word for word in written if word not in ("", "not", "is known", "is missing")), *dates)


_BESIDE = {kind: (*_comparators(kind), "is known", "is missing") for kind in Kind}


class Place:
    """A place in a declaration: what was read before it, and the words of the folder.

    `following` is text behind it: a test's moment comes after its facts. `prefixed`: a prefix has been typed.
    """

    def __init__(self, files: Files, reading: Reading, following: str, *, prefixed: bool) -> None:
        self.files, self.words, self.fits, self.prefixed = files, reading.words, reading.fits, prefixed
        self.reached = walk(reading.words)
        self.catalog = catalog_words(files)
        self.moments = moments_of(reading.words, roles(reading.words))
        if not self.moments and reading.chunk and reading.chunk.begins == "test":
            self.moments = [match[1].lower() for match in _TEST_MOMENT.finditer(following)][:1]

    def entries(self) -> Iterator[Entry]:
        """Everything that may come, names before keywords."""
        if self.catalog is not None:
            yield from self._names(self.catalog)
            yield from self._behind_a_number(self.catalog)
            yield from self._behind_a_left_side(self.catalog)
        yield from self._keywords()

    def compared(self) -> DataType | None:
        """The type beside which a value stands here."""
        return compared_type(self.catalog, self.reached, self.moments) if self.catalog else None

    @property
    def last(self) -> str:
        return self.words[-1].type if self.words else ""

    # --- names

    def _names(self, catalog: CatalogWords) -> Iterator[Entry]:
        for terminal in ("WORD", "PATH", "NAME"):
            role = self.reached.role(terminal) if terminal in self.fits else None
            if role is not None:
                yield from self._of_role(catalog, role)

    def _of_role(self, catalog: CatalogWords, role: Role) -> Iterable[Entry]:
        match role:
            case Role.MOMENT:
                return catalog.moments
            case Role.EVENT:
                return catalog.events
            case Role.ATTRIBUTE:
                return self._left_sides(catalog)
            case Role.PROPERTY:
                return catalog.properties(entry.label for entry in catalog.events)
            case Role.VALUE:
                return _values(catalog, self.compared())
            case Role.METER:
                return catalog.meters
            case Role.PRODUCT:
                return catalog.products
            case Role.ADDON:
                return catalog.addons
            case Role.TASK:
                return catalog.tasks
            case Role.CHANNEL:
                return catalog.channels
            case Role.PURPOSE:
                return (Entry("marketing", "value"), Entry("service", "value"))
            case Role.MESSAGE | Role.TAG | Role.RULE | Role.ARM:
                return declared(self.files, str(role))
            case Role.OLD_NAME | Role.RULE_NAME | Role.SEGMENT_NAME:
                return ()

    def _left_sides(self, catalog: CatalogWords) -> Iterator[Entry]:
        """Of an event's condition its properties; else those of the moments, attributes and segments."""
        if self.reached.event:
            yield from catalog.properties([self.reached.event])
            return
        yield from catalog.properties(self.moments)
        for entry in catalog.attributes:
            if ("." in entry.label) == self.prefixed or entry.label.partition(".")[2] not in catalog.types:
                yield entry
        if self.reached.section == "condition":
            yield from declared(self.files, "segment")

    # --- behind a number, behind a left side

    def _behind_a_number(self, catalog: CatalogWords) -> Iterator[Entry]:
        """Units of time, or currencies beside money; a plain number takes neither."""
        if "UNIT" not in self.fits:
            return
        type_ = self.compared()
        if self.last != "NUMBER" or not self.reached.compared():
            yield from (Entry(unit, "unit") for unit in ("hours", *(str(unit) for unit in Unit)))
        elif type_ is not None and type_.kind is Kind.ELAPSED:
            ordered = sorted(Unit, key=lambda unit: unit is not type_.unit)
            yield from (Entry(str(unit), "unit", _unit_of(unit, type_)) for unit in ordered)
        elif type_ is not None and type_.kind is Kind.MONEY:
            yield from (Entry(code, "currency") for code in _currencies(catalog))

    def _behind_a_left_side(self, catalog: CatalogWords) -> Iterator[Entry]:
        """The comparators of its type; none behind a comparison that is whole."""
        left = self.reached.operand()
        if "EQUALS" not in self.fits or _is_compared([word.type for word in left]):
            return
        type_ = type_of(catalog, left, self.moments, self.reached.event)
        if type_ is None:
            return
        facts = self.reached.section == "facts"
        for written in ("=", "is missing") if facts else _BESIDE[type_.kind]:
            yield Entry(written, "comparator", f"beside {type_.kind}")

    # --- keywords

    def _keywords(self) -> Iterator[Entry]:
        for terminal, written in SPELLINGS.items():
            if terminal in self.fits and self._is_shown(terminal):
                words = _AT_THE_LEFT.get(terminal, (written,)) if "PATH" in self.fits else (written,)
                yield from (Entry(word, "keyword") for word in words)
        if self.last == "PERCENT" and "_OF" in self.fits:
            yield Entry("of", "keyword")

    def _is_shown(self, terminal: str) -> bool:
        """Whether a word that fits also makes sense."""
        if terminal in _NEVER_SHOWN:
            return False
        if "PATH" in self.fits:
            return terminal == "NOT" or not self.reached.event
        if terminal in _VALUES_OF_TIME:
            type_ = self.compared()
            return self.reached.section != "facts" and (type_ is None or type_.kind in _ORDERED)
        if terminal in _BY_TYPE:
            return "EQUALS" not in self.fits and terminal not in ("EQUALS", "COMPARE")
        return True


def _is_compared(types: list[str]) -> bool:
    """Whether a comparator stands among the words, outside parentheses."""
    depth = 0
    for type_ in types:
        depth += (type_ == "LPAR") - (type_ == "RPAR")
        if depth == 0 and type_ in COMPARATORS | {"WITHIN", "WITHIN_LAST", "AGO"}:
            return True
    return False


def _values(catalog: CatalogWords, type_: DataType | None) -> Iterator[Entry]:
    """The values of a type, as far as they can be listed."""
    if type_ is None:
        return
    match type_.kind:
        case Kind.ENUM | Kind.SET:
            yield from (Entry(_written(value), "value") for value in type_.values)
        case Kind.PLAN:
            yield from (entry for entry in catalog.products if entry.kind == "plan")
        case Kind.ADDON:
            yield from catalog.addons
        case Kind.FLAG:
            yield from (Entry("true", "value"), Entry("false", "value"))


def _written(value: str) -> str:
    """A value as a rule says it: in quotes where it is no word."""
    return value if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", value) else f'"{value}"'


def _unit_of(unit: Unit, type_: DataType) -> str:
    return "what a bare number means here" if unit is type_.unit else ""


def _currencies(catalog: CatalogWords) -> list[str]:
    priced = sorted(sold_in(catalog.catalog, catalog.catalog.products))
    return list(dict.fromkeys([catalog.catalog.currency, *priced]))
