"""What must be so of any text whatever: the fuzzer, its saved corpus, the mutations and the monsters are held to this.

Each `read_...` reads one text the way Carpe does and raises AssertionError where a promise is broken: nothing raises, a
declaration is either good or explained once, every diagnostic has a place inside its text, and no message shows a
symbol of the grammar. The formatter changes the layout only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cache

from language import CATALOG

from dsl import files
from dsl.catalog import Catalog
from dsl.catalog_reader import read_catalog
from dsl.diagnostics import Diagnostic
from dsl.formatter import format_source
from dsl.messages import check_variables, read_message, render
from dsl.parser import grammar, parse
from dsl.service import Checked, check
from dsl.source import Source
from dsl.splitter import split
from dsl.syntax import File
from dsl.template_words import RenderingFailed

FOLDER = {"catalog.yaml": CATALOG, "messages/hello.txt": "Hello, {{ first_name }}!"}

# Laying out costs up to three parses more.
LONGEST_LAID_OUT = 10_000

TERMINALS = frozenset(re.findall(r"^(_?[A-Z_]{3,})(?:\.\d)?:", grammar(), re.MULTILINE))


def read_rules(text: str, folder: Mapping[str, str] = FOLDER) -> Checked:
    """A file of rules, in a folder with a catalog and perhaps other rules."""
    [file] = files.read_rules({"a.rules": text})  # remembered: the check reads the same
    source, parsed = file.source, file.parsed
    pieces = len(list(split(text)))
    assert len(parsed.file.declarations) + len(parsed.diagnostics) == pieces, "a declaration is lost, or told twice"
    checked = check({**folder, "a.rules": text})
    own = [one for one in checked.declarations if one.source.path == source.path]
    assert len(own) == len(parsed.file.declarations)
    for declared in own:
        # What is remembered of an earlier text is told where it stands in this one.
        assert declared.source.slice(declared.span) == source.slice(declared.span)
        assert declared.source.position(declared.span.start) == source.position(declared.span.start)
        errors = [one for one in declared.diagnostics if one.is_error]
        assert len(errors) <= 1, f"a mistake with its cascade: {[one.message for one in errors]}"
        assert declared.kind != "rule" or declared.rule is not None or errors, "a rule is dropped without a word"
    tell_well(checked.diagnostics)
    if len(text) <= LONGEST_LAID_OUT:
        _lay_out(text, parsed.file)
    return checked


def _lay_out(text: str, meaning: File) -> None:
    """The formatter keeps what every declaration means, leaves broken ones, and has nothing to add to its own work."""
    formatted = format_source(Source("a.rules", text))
    if formatted == text:
        return
    assert format_source(Source("a.rules", formatted)) == formatted, "formatting what was formatted changes it"
    assert parse(Source("a.rules", formatted)).file == meaning, "formatting changes the meaning"


def read_catalog_text(text: str) -> None:
    """A catalog alone."""
    catalog, diagnostics = read_catalog(Source("catalog.yaml", text))
    assert catalog is not None or any(one.is_error for one in diagnostics)
    tell_well(diagnostics)


def read_message_text(text: str) -> None:
    """A message, rendered for a customer of whom little is known."""
    source = Source("messages/hello.txt", text)
    message, diagnostics = read_message(source)
    tell_well(diagnostics)
    if message is None:
        assert any(one.is_error for one in diagnostics)
        return
    tell_well(check_variables(message, _catalog(), {"page"}))
    with suppress(RenderingFailed):  # a limit reached, a filter given what it cannot use
        render(message, {"first_name": "Ada", "offer": {"name": "Premium"}, "interests": frozenset(["sport", "film"])})


READERS: Mapping[str, Callable[[str], object]] = {
    "rules": read_rules,
    "catalog": read_catalog_text,
    "message": read_message_text,
}
"""By the name of the folder of the corpus."""


def tell_well(diagnostics: Iterable[Diagnostic]) -> None:
    for one in diagnostics:
        assert 0 <= one.span.start <= one.span.end <= len(one.source.text), (one.code, one.span, len(one.source.text))
        assert re.fullmatch("[a-z]+(-[a-z]+)*", one.code)
        assert one.message.strip()
        assert one.render()
        assert one.to_json()
        shown = {word for part in (one.message, one.hint or "") for word in re.findall(r"_?[A-Z_]{3,}", part)}
        assert all(word in one.source.text for word in shown & TERMINALS), f"a symbol of the grammar: {one.message}"


@cache
def _catalog() -> Catalog:
    catalog, _ = read_catalog(Source("catalog.yaml", CATALOG))
    assert catalog is not None
    return catalog
