"""Segments: named conditions, checked before the rules that use them, each after those it uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from graphlib import TopologicalSorter

from dsl import check_errors as errors
from dsl import syntax
from dsl.catalog import BUILT_IN, Catalog, Owner
from dsl.check_errors import Finding, Wrong
from dsl.circles import circles
from dsl.conditions import Conditions
from dsl.names import KnownSegment, Scope, Words
from dsl.source import Source
from dsl.typed import Segment


@dataclass(frozen=True, slots=True)
class CheckedSegment:
    """A segment, or None with its error; warnings too are in `findings`."""

    source: Source
    node: syntax.Segment
    segment: Segment | None
    findings: tuple[Finding, ...]

    def within(self, source: Source) -> CheckedSegment:
        """The same in another text of its file, which changed around it."""
        segment = replace(self.segment, source=source) if self.segment else None
        return replace(self, source=source, segment=segment)


def place(source: Source, node: syntax.Name) -> str:
    """Where something is, for a message about something else: `loyal.rules, line 3`."""
    return f"{source.path}, line {source.position(node.span.start).line}"


class Segments:
    """The segments of a folder by name; the later of two with one name is broken."""

    def __init__(self, catalog: Catalog, declared: tuple[tuple[Source, syntax.Segment], ...]) -> None:
        self.catalog = catalog
        self.declared = declared
        self.by_name: dict[str, tuple[Source, syntax.Segment]] = {}
        for source, node in declared:
            self.by_name.setdefault(node.name.text, (source, node))
        self.uses = {name: self._uses(node) for name, (_, node) in self.by_name.items()}
        self.circles = circles({name: [use.text for use in uses] for name, uses in self.uses.items()})
        self.known: dict[str, KnownSegment] = {}
        self.checked: dict[str, CheckedSegment] = {}

    def check(self) -> tuple[CheckedSegment, ...]:
        """Every segment, in the order of the files. `known` is then what rules may use."""
        before = {name: [use.text for use in uses if name not in self.circles] for name, uses in self.uses.items()}
        for name in TopologicalSorter(before).static_order():
            self._check(name)
        return tuple(self._of(source, node) for source, node in self.declared)

    def _of(self, source: Source, node: syntax.Segment) -> CheckedSegment:
        first_source, first = self.by_name[node.name.text]
        if first is node:
            return self.checked[node.name.text]
        taken = errors.name_taken(node.name.span, "segment", node.name.text, place(first_source, first.name))
        return CheckedSegment(source, node, None, (taken,))

    def _uses(self, node: syntax.Segment) -> list[syntax.Name]:
        return [word for word in _words(node.condition) if word.prefix is None and word.text in self.by_name]

    def _check(self, name: str) -> None:
        source, node = self.by_name[name]
        scope = Scope(Words(self.catalog, self.known), is_rule=False)
        at = place(source, node.name)
        try:
            self._refuse_name(node)
            self._refuse_circle(name)
            conditions = Conditions(scope, source.slice)
            condition = conditions.check_whole(node.condition)
        except Wrong as wrong:
            self.known[name] = KnownSegment(name, None, 1, at)
            self.checked[name] = CheckedSegment(source, node, None, (wrong.finding,))
        else:
            self.known[name] = KnownSegment(name, condition, conditions.deepest, at)
            segment = Segment(name, condition, source, node.span)
            self.checked[name] = CheckedSegment(source, node, segment, tuple(scope.notes))

    def _refuse_name(self, node: syntax.Segment) -> None:
        word = node.name.text
        for owner in (Owner.SUBSCRIPTION, Owner.CUSTOMER):
            if word in self.catalog.attributes(owner) or word in BUILT_IN[owner]:
                raise Wrong(errors.name_of_attribute(node.name.span, word, owner))

    def _refuse_circle(self, name: str) -> None:
        """A segment in a circle is told about it at its own use of the next one."""
        if ring := self.circles.get(name):
            onward = next(use for use in self.uses[name] if use.text in ring)
            raise Wrong(errors.circle(onward.span, ring))


def _words(node: object) -> Iterator[syntax.Name]:
    """The words that stand where a segment's name may: alone, as a condition."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, syntax.Truth) and isinstance(one.value, syntax.Name):
            yield one.value
        elif isinstance(one, tuple):
            waiting.extend(reversed(one))
        elif is_dataclass(one):
            waiting.extend(reversed([getattr(one, part.name) for part in fields(one)]))


def usable(checked: tuple[CheckedSegment, ...]) -> Mapping[str, Segment]:
    return {one.segment.name: one.segment for one in checked if one.segment is not None}
