"""A new name for a rule or a segment, in every file that says the old one.

A rule's name is its identity for caps, experiments and reports, so its old name stays in the text: `rule new was old`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from dsl.folder import RULES, Files
from dsl.language_service.navigation import Location, definition, uses
from dsl.language_service.roles import Role
from dsl.language_service.targets import Spot, Target, spot
from dsl.language_service.vocabulary import catalog_words, declared
from dsl.source import Span
from dsl.words import RESERVED

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace `span` by `text`; spans of one file never overlap and all speak of the text as it is."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Renaming:
    """The edits by file, or why there are none (`refusal`, one sentence)."""

    edits: Mapping[str, tuple[Edit, ...]]
    refusal: str = ""


def renamable(files: Files, path: str, offset: int) -> Span | None:
    """The name at `offset` if it is a rule's or a segment's."""
    found = spot(files, path, offset) if path.endswith(RULES) else None
    renames = found is not None and found.target is not None and found.target.kind in ("rule", "segment")
    return found.word.span if renames and found is not None and found.role is not Role.OLD_NAME else None


def rename(files: Files, path: str, offset: int, name: str) -> Renaming:
    """Give the rule or segment at `offset` another name."""
    found = spot(files, path, offset) if renamable(files, path, offset) else None
    if found is None or found.target is None:
        return Renaming({}, "Only rules and segments are renamed here.")
    target, name = found.target, name.strip().lower()
    if refusal := _refusal(files, target, name):
        return Renaming({}, refusal)
    edits: dict[str, list[Edit]] = {}
    for where, use in uses(files, target):
        if use.role is not Role.OLD_NAME:
            edits.setdefault(where.path, []).append(_edit(use, target, name))
    if target.kind == "rule" and not any(_declares(use) for _, use in uses(files, target)):
        _give_name(edits, definition(files, path, offset), target, name)
    return Renaming({path: tuple(sorted(found, key=_place)) for path, found in edits.items()})


def _place(edit: Edit) -> int:
    return edit.span.start


def _declares(use: Spot) -> bool:
    return use.role is Role.RULE_NAME


def _edit(use: Spot, target: Target, name: str) -> Edit:
    """The name alone; where a rule declares itself, with its old one behind it in place of one older still."""
    span = use.word.span
    if not _declares(use):
        return Edit(span, name)
    words = use.reading.words
    if len(words) > use.at + 2 and words[use.at + 1].type == "WAS":
        span = span.to(words[use.at + 2].span)
    return Edit(span, f"{name} was {target.name}")


def _give_name(edits: dict[str, list[Edit]], declared_at: Location | None, target: Target, name: str) -> None:
    """A rule without a header gets one."""
    if declared_at is not None:
        edits.setdefault(declared_at.path, []).append(Edit(declared_at.span, f"rule {name} was {target.name}\n"))


def _refusal(files: Files, target: Target, name: str) -> str:
    if not _NAME.fullmatch(name):
        return "A name is small letters, digits and _, and begins with a letter."
    if name in RESERVED:
        return f'"{name}" is a word of the language.'
    if any(entry.label == name for entry in declared(files, target.kind)):
        return f"There is a {target.kind} called {name} already."
    catalog = catalog_words(files)
    if target.kind == "segment" and catalog is not None and name in catalog.types:
        return f"{name} is an attribute."
    return ""
