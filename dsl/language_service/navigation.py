"""Where a word is declared and where it is used; what a file declares."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from dsl.folder import CATALOG, MESSAGES, RULES, Files
from dsl.language_service.reading import read_chunk
from dsl.language_service.roles import Role
from dsl.language_service.targets import Spot, Target, spot, spots
from dsl.memory import Memory
from dsl.service import check
from dsl.source import Source, Span
from dsl.splitter import Chunk, split
from dsl.yaml_reader import Listing, Node, Table, read_yaml

_MOST_KEPT = 4_000_000
_SECTIONS = {
    "moment": "moments",
    "plan": "plans",
    "add-on": "addons",
    "bundle": "bundles",
    "meter": "meters",
    "channel": "channels",
    "task": "tasks",
}
_NAME = re.compile(r'(?:rule|segment)\s+(?P<name>[a-z][a-z0-9_]*)|test\s+"(?P<title>[^"\n]+)"', re.IGNORECASE)
_LONGEST_NAME = 60
_DECLARING = frozenset([Role.RULE_NAME, Role.SEGMENT_NAME])

_catalogs: Memory[Node | None] = Memory(_MOST_KEPT)


@dataclass(frozen=True, slots=True)
class Location:
    """A span of a file of the folder."""

    path: str
    span: Span


@dataclass(frozen=True, slots=True)
class Symbol:
    """A declaration of a file: `kind` is rule, segment or test; `name_span` lies in `span`."""

    kind: str
    name: str
    span: Span
    name_span: Span


def definition(files: Files, path: str, offset: int) -> Location | None:
    """Where the word at `offset` is declared; None where it is not, or not in this folder."""
    found = spot(files, path, offset) if path.endswith(RULES) else None
    if found is None or found.target is None:
        return None
    target = found.target
    if target.kind in ("rule", "segment"):
        return next(_declarations(files, target), None) or _unnamed(files, target)
    if target.kind == "message":
        names = (name for name in sorted(files) if name.startswith(MESSAGES))
        return next((Location(name, Span(0, 0)) for name in names if PurePosixPath(name).stem == target.name), None)
    return _in_catalog(files, target)


def _declarations(files: Files, target: Target) -> Iterator[Location]:
    """Where it says `segment NAME` or `rule NAME`, and means it."""
    shape = re.compile(rf"{target.kind}\s+{re.escape(target.name)}\b")
    for path in sorted(name for name in files if name.endswith(RULES)):
        for match in shape.finditer(files[path].lower()):
            found = spot(files, path, match.end())
            if found is not None and found.target == target and found.role in _DECLARING:
                yield Location(path, found.word.span)


def references(files: Files, path: str, offset: int) -> tuple[Location, ...]:
    """Every place of the folder where the word at `offset` stands for the same, its declaration included."""
    found = spot(files, path, offset) if path.endswith(RULES) else None
    if found is None or found.target is None:
        return ()
    return tuple(where for where, _ in uses(files, found.target))


def uses(files: Files, target: Target) -> Iterator[tuple[Location, Spot]]:
    """Every word of the rules that stands for `target`, file by file."""
    for path in sorted(name for name in files if name.endswith(RULES)):
        text = files[path]
        if target.name not in text.lower():
            continue
        for chunk in split(text):
            if target.name in text[chunk.span.start : chunk.span.end].lower():
                for one in spots(files, read_chunk(text, chunk)):
                    if one.target == target:
                        yield Location(path, one.word.span), one


def symbols(files: Files, path: str) -> tuple[Symbol, ...]:
    """The declarations of a file in its order, broken ones too; a rule without a name goes by its first line."""
    if not path.endswith(RULES):
        return ()
    chunks = [chunk for chunk in split(files[path]) if chunk.begins]
    return tuple(_symbol(files[path], chunk) for chunk in chunks)


def _symbol(text: str, chunk: Chunk) -> Symbol:
    kind = "rule" if chunk.begins == "on" else chunk.begins
    match = _NAME.match(text, chunk.span.start, chunk.span.end)
    if match:
        return Symbol(kind, match["title"] or match["name"], chunk.span, Span(*match.span(match.lastgroup or 0)))
    line = text[chunk.span.start : chunk.span.end].split("\n", 1)[0].rstrip()[:_LONGEST_NAME]
    return Symbol(kind, line, chunk.span, Span(chunk.span.start, chunk.span.start + len(line)))


def _unnamed(files: Files, target: Target) -> Location | None:
    """A rule without a name goes by one made of its words: it is declared where it begins."""
    ruleset = check(files).ruleset
    rule = ruleset.rule(target.name) if ruleset and target.kind == "rule" else None
    return Location(rule.source.path, Span(rule.span.start, rule.span.start)) if rule else None


# --- in the catalog ---------------------------------------------------------------------------------------------------


def _in_catalog(files: Files, target: Target) -> Location | None:
    """The key that declares a word of the catalog."""
    match target.kind:
        case "attribute":
            keys = [target.owner, target.name]
        case "property":
            keys = ["moments", target.owner, "properties", target.name]
        case _ if target.kind in _SECTIONS:
            keys = [_SECTIONS[target.kind], target.name]
        case _:
            return None
    span = _span_of(_catalog_tree(files), keys)
    return Location(CATALOG, span) if span else None


def _catalog_tree(files: Files) -> Node | None:
    text = files.get(CATALOG, "")
    return _catalogs.recall(text, len(text), lambda: read_yaml(Source(CATALOG, text))[0])


def _span_of(node: Node | None, keys: list[str]) -> Span | None:
    for number, name in enumerate(keys):
        if isinstance(node, Listing):
            return next((item.span for item in node.items if getattr(item, "text", None) == name), None)
        if not isinstance(node, Table):
            return None
        key = next((key for key, _ in node.entries if key.text == name), None)
        if key is not None and number == len(keys) - 1:
            return key.span
        node = node.get(name)
    return None
