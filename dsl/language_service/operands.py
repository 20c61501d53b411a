"""The type of a left side as far as it stands there, in a declaration that may be broken."""

from __future__ import annotations

from collections.abc import Sequence

from dsl.datatypes import DataType, Kind
from dsl.language_service.reading import Word
from dsl.language_service.roles import Role, Walk
from dsl.language_service.vocabulary import CatalogWords

_NUMBER = DataType(Kind.NUMBER)
_WHOLE = {
    "COUNT_OF": DataType(Kind.COUNT),
    "LAST": DataType(Kind.DATE),
    "USAGE_OF": _NUMBER,
    "QUOTA_OF": _NUMBER,
    "PERCENT": _NUMBER,
}


def type_of(catalog: CatalogWords, left: Sequence[Word], moments: Sequence[str], event: str) -> DataType | None:
    """None where it is no value, such as a segment, or nothing yet. `event` is the one whose condition this is."""
    scope = [event] if event else moments
    for word in left:
        if word.type in _WHOLE:
            return _WHOLE[word.type]
        if word.type == "SUM_OF":
            names = [one.text.lower() for one in left if one.type == "NAME"]
            return catalog.type_of(names[0], names[1:2]) if len(names) > 1 else None
        if word.type in ("PATH", "NAME", "WORD"):
            return catalog.type_of(word.text.lower(), scope)
    return None


def moments_of(words: Sequence[Word], found: Sequence[Role | None]) -> list[str]:
    """The moments that the declaration is about; not the one of a `goal`."""
    pairs = zip(words, found, strict=True)
    named = [(at, word) for at, (word, role) in enumerate(pairs) if role is Role.MOMENT]
    return [word.text.lower() for at, word in named if words[at - 1].type != "GOAL"]


def compared_type(catalog: CatalogWords, reached: Walk, moments: Sequence[str]) -> DataType | None:
    """The type beside which a value stands at the place reached."""
    return type_of(catalog, reached.compared(), moments, reached.event)
