"""Inside quotes and templates, and in the catalog: values that need quotes, what a message may read, keys."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from dsl.catalog_reader import SECTIONS
from dsl.datatypes import Kind
from dsl.folder import Files
from dsl.language_service.places import Place
from dsl.language_service.vocabulary import Completion, Entry, catalog_words
from dsl.messages import OFFER_VARIABLES
from dsl.source import Span

_HALF_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_.]*\Z")
_LONGEST_VARIABLE = 100


def in_quotes(place: Place, files: Files, text: str, quote: int, offset: int) -> tuple[Completion, ...]:
    """A value of the type beside it, or a variable in a message's own words. The text opened at `quote`."""
    type_ = place.compared()
    if type_ is not None and type_.kind in (Kind.ENUM, Kind.SET):
        there, span = text[quote + 1 : offset].lower(), Span(quote, offset)
        fitting = (value for value in type_.values if value.lower().startswith(there))
        return tuple(Completion(value, "value", "", f'"{value}"', "", span) for value in fitting)
    return variables(files, text, quote, offset, place.moments) if place.last == "SAY" else ()


def variables(files: Files, text: str, start: int, offset: int, moments: Iterable[str] = ()) -> tuple[Completion, ...]:
    """What a template that starts at `start` may read, inside its {{ }} and {% %}. No moments: any of them."""
    opened = max(text.rfind("{{", start, offset), text.rfind("{%", start, offset))
    closed = max(text.rfind("}}", start, offset), text.rfind("%}", start, offset))
    if opened < 0 or opened < closed:
        return ()
    half = _HALF_VARIABLE.search(text[max(opened + 2, offset - _LONGEST_VARIABLE) : offset])
    there = half.group() if half else ""
    span = Span(offset - len(there), offset)
    return tuple(
        Completion(entry.label, entry.kind, entry.detail, entry.label, entry.documentation, span)
        for entry in _readable(files, moments)
        if entry.label.startswith(there.lower())
    )


def _readable(files: Files, moments: Iterable[str]) -> Iterator[Entry]:
    catalog = catalog_words(files)
    if catalog is None:
        return
    yield from (entry for entry in catalog.attributes if "." not in entry.label)
    yield from (Entry(name, "variable", "of the offer") for name in OFFER_VARIABLES)
    for entry in catalog.properties(moments or [event.label for event in catalog.events]):
        yield Entry(f"event.{entry.label}", "variable", entry.detail)


def catalog_keys(line: str, offset: int) -> tuple[Completion, ...]:
    """The keys of the catalog's first level, where a line has only just begun."""
    if not re.fullmatch(r"[a-z_]*", line):
        return ()
    span = Span(offset - len(line), offset)
    return tuple(Completion(key, "key", "", f"{key}: ", "", span) for key in SECTIONS if key.startswith(line))
