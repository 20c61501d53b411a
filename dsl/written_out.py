"""What the formatter writes out where it has a catalog: units of bare numbers; values without needless quotes.

`tenure>12` is `tenure > 12 months`, `country = "US"` is `country = US`. Only plain comparisons of an attribute are
touched, and only where the meaning cannot change.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator

from dsl import syntax
from dsl.catalog import Catalog
from dsl.datatypes import DataType, Kind
from dsl.names import Scope, Words
from dsl.printer import counted
from dsl.splitter import BEGINNINGS
from dsl.words import NEVER_VALUES, RESERVED, SPELLINGS

_BARE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
# Behind `is` any word of the language may go on differently: `country is missing`.
_AFTER_IS = RESERVED | {word for spelling in SPELLINGS.values() for word in spelling.split()} | {"more", "less"}
_NEVER_BARE = NEVER_VALUES | {"last", *BEGINNINGS}


def written_out(catalog: Catalog, declaration: syntax.Declaration) -> dict[int, str]:
    """The texts to write instead of the values that end at these offsets of the source."""
    moments = (catalog.moments.get(name) for name in _moments(declaration))
    scope = Scope(Words(catalog), tuple(moment for moment in moments if moment))
    found: dict[int, str] = {}
    for name, value, after_is in _compared(declaration):
        subject = scope.find(name)
        text = _written(catalog, subject.type, value, after_is) if subject else None
        if text is not None:
            found[value.span.end] = text
    return found


def _moments(declaration: syntax.Declaration) -> Iterator[str]:
    match declaration:
        case syntax.Rule(moments=moments):
            targets = [moment.target for moment in moments]
        case syntax.Test(moment=moment):
            targets = [moment.target]
        case _:
            targets = []
    return (target.text for target in targets if isinstance(target, syntax.Name))


def _written(catalog: Catalog, type_: DataType, value: syntax.Expression, after_is: bool) -> str | None:
    match value:
        case syntax.Number(number) if type_.kind is Kind.ELAPSED and type_.unit and number == int(number):
            return counted(int(number), type_.unit)
        case syntax.Text(text) if text in _choices(catalog, type_) and _BARE.fullmatch(text):
            return None if text.lower() in (_AFTER_IS if after_is else _NEVER_BARE) else text
    return None


def _choices(catalog: Catalog, type_: DataType) -> Container[str]:
    match type_.kind:
        case Kind.PLAN:
            return catalog.plans
        case Kind.ADDON:
            return catalog.addons
        case Kind.ENUM | Kind.SET:
            return type_.values
    return ()


_Compared = tuple[syntax.Name, syntax.Expression, bool]


def _compared(declaration: syntax.Declaration) -> Iterator[_Compared]:
    """Each attribute and a value that it is compared with, and whether the word `is` may stand right before that."""
    match declaration:
        case syntax.Rule(condition=condition) | syntax.Segment(condition=condition):
            return _in_condition(condition)
        case syntax.Test(given=facts):
            return (each for fact in facts for each in _in_fact(fact))


def _in_condition(node: syntax.Condition | None) -> Iterator[_Compared]:
    match node:
        case syntax.And(items) | syntax.Or(items):
            yield from (each for item in items for each in _in_condition(item))
        case syntax.Not(item):
            yield from _in_condition(item)
        case syntax.Comparison(syntax.Name() as name, comparator, value):
            yield name, value, comparator.written.lower().startswith("is")
        case syntax.In(syntax.Name() as name, options):
            yield from ((name, option, False) for option in options)
        case syntax.Between(syntax.Name() as name, low, high):
            yield from ((name, low, False), (name, high, False))
        case syntax.Includes(syntax.Name() as name, option):
            yield name, option, False


def _in_fact(fact: syntax.Fact) -> Iterator[_Compared]:
    match fact:
        case syntax.GivenValue(syntax.Name() as name, value):
            yield name, value, True
        case syntax.GivenSet(name, values):
            yield from ((name, value, False) for value in values)
