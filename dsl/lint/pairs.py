"""Rules of one moment against each other: who is always outranked, and who may meet whom without a priority."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dsl.catalog import Catalog
from dsl.files import MOST_KEPT
from dsl.lint.answers import Verdict, can_meet
from dsl.lint.boxes import Box, Boxes, covered
from dsl.lint.examples import Example
from dsl.lint.facts import Facts, choices_of, facts_of, is_contact
from dsl.lint.index import Index, numbers
from dsl.memory import Memory
from dsl.syntax import Purpose
from dsl.typed import MomentUse, Rule

MOST_TRIED = 3
"""How many rules that a rule may meet are looked at for an example."""

MOST_COVERS = 24
"""How many boxes together may shadow one."""


@dataclass(frozen=True, slots=True)
class Relations:
    """One rule among the others of a moment. `shadows` are those that together always win over it.

    `meets` is one of `others` rules of the same priority that stand before it and that it can meet; `example` shows
    the meeting, or the customer who gets the winner's contact.
    """

    shadows: tuple[str, ...] = ()
    meets: str | None = None
    others: int = 0
    example: Example | None = None


_NONE = Relations()
_groups: Memory[tuple[Catalog, tuple[Rule, ...], dict[str, Relations]]] = Memory(MOST_KEPT)
_meetings: Memory[tuple[Facts, Facts, Verdict]] = Memory(MOST_KEPT)


def forget() -> None:
    """Start afresh, as a new process does."""
    _groups.forget()
    _meetings.forget()


def by_moment(rules: Sequence[Rule]) -> dict[MomentUse, tuple[Rule, ...]]:
    """The rules that meet customers, by the moment and offset that they listen to."""
    groups: dict[MomentUse, list[Rule]] = defaultdict(list)
    for rule in rules:
        if is_contact(rule):
            for use in rule.moments:
                groups[use].append(rule)
    return {use: tuple(listening) for use, listening in groups.items() if len(listening) > 1}


def relations(catalog: Catalog, rules: tuple[Rule, ...]) -> dict[str, Relations]:
    """Each rule of one moment by its name, where there is something to tell."""

    def make() -> tuple[Catalog, tuple[Rule, ...], dict[str, Relations]]:
        return catalog, rules, dict(_Group(catalog, rules).found())

    key = (id(catalog), *map(id, rules))
    return _groups.recall(key, sum(len(rule.text) for rule in rules), make)[2]


class _Group:
    """The boxes of all rules of a moment in one index, with masks of what the rules have in common."""

    def __init__(self, catalog: Catalog, rules: tuple[Rule, ...]) -> None:
        self.catalog, self.rules = catalog, rules
        self.facts = [facts_of(catalog, rule) for rule in rules]
        self.boxes: list[Box] = []
        self.owner: list[int] = []
        self.plain = [self._add(number, one.boxes) for number, one in enumerate(self.facts)]
        self.winning = [
            self.plain[number] if one.winning is one.boxes else self._add(number, one.winning)
            for number, one in enumerate(self.facts)
        ]
        self.index = Index(self.boxes)
        self.levels = sorted({rule.priority for rule in rules})
        self.same: dict[int, int] = defaultdict(int)
        for number, rule in enumerate(rules):
            self.same[rule.priority] |= self.plain[number]

    def _add(self, number: int, boxes: Boxes | None) -> int:
        """The mask of a rule's boxes."""
        start = len(self.boxes)
        if boxes is not None:
            self.boxes.extend(boxes.boxes)
            self.owner.extend([number] * len(boxes.boxes))
        return (1 << len(self.boxes)) - (1 << start)

    def found(self) -> Iterator[tuple[str, Relations]]:
        above = self._above()
        for number, rule in enumerate(self.rules):
            if above[rule.priority] and (shadows := self._shadows(number, above[rule.priority])):
                yield rule.name, Relations(shadows, example=self.facts[number].example)
            elif (met := self._met(number)) is not _NONE:
                yield rule.name, met

    # --- outranked

    def _above(self) -> dict[int, int]:
        """For each priority the winning boxes of the rules above it, in full."""
        masks, mask = {}, 0
        at: dict[int, int] = defaultdict(int)
        for number, rule in enumerate(self.rules):
            boxes = self.facts[number].winning
            if boxes is not None and boxes.exact:
                at[rule.priority] |= self.winning[number]
        for level in reversed(self.levels):
            masks[level] = mask
            mask |= at[level]
        return masks

    def _shadows(self, number: int, above: int) -> tuple[str, ...]:
        """The rules that win wherever this one matches; none if there is a gap."""
        rule = self.rules[number]
        found: dict[int, None] = {}
        for box in self.facts[number].boxes.boxes:
            whole = [one for one in self._owners(self.index.including(box) & above) if beats(self.rules[one], rule)]
            if whole:
                found[whole[0]] = None
                continue
            near = [
                one for one in numbers(self.index.overlapping(box) & above) if beats(self.rules[self.owner[one]], rule)
            ]
            if len(near) > MOST_COVERS or not covered(box, [self.boxes[one] for one in near]):
                return ()
            found.update(dict.fromkeys(self._needed(box, near)))
        return tuple(self.rules[one].name for one in found)

    def _needed(self, box: Box, near: list[int]) -> list[int]:
        """The rules whose boxes are all needed to cover the box."""
        owners = list(dict.fromkeys(self.owner[one] for one in near))
        for left_out in reversed(owners):
            rest = [one for one in owners if one != left_out]
            if covered(box, [self.boxes[one] for one in near if self.owner[one] in rest]):
                owners = rest
        return owners

    def _owners(self, mask: int) -> list[int]:
        return list(dict.fromkeys(self.owner[number] for number in numbers(mask)))

    # --- without a priority

    def _met(self, number: int) -> Relations:
        """The earlier rules of the same priority that this one can meet."""
        rule = self.rules[number]
        earlier = self.same[rule.priority] & ((1 << _first(self.plain[number])) - 1) if self.plain[number] else 0
        if not earlier:
            return _NONE
        mask = 0
        for box in self.facts[number].boxes.boxes:
            mask |= self.index.overlapping(box) & earlier
        others = [one for one in self._owners(mask) if _same_days(rule, self.rules[one])]
        for other in others[:MOST_TRIED]:
            verdict = self._meeting(number, other)
            if verdict.example is not None:
                return Relations((), self.rules[other].name, len(others), verdict.example)
        return _NONE

    def _meeting(self, number: int, other: int) -> Verdict:
        left, right = self.facts[number], self.facts[other]

        def make() -> tuple[Facts, Facts, Verdict]:
            choices = choices_of(self.catalog)
            return left, right, can_meet(left.boxes, right.boxes, choices, self.catalog.currency)

        return _meetings.recall((id(left), id(right)), len(self.rules[number].text), make)[2]


def beats(winner: Rule, loser: Rule) -> bool:
    """Whether the first reaches everybody whom the second would, on every day of it, if it goes ahead."""
    if set(winner.via) != set(loser.via):
        return False
    if loser.purpose is Purpose.SERVICE and winner.purpose is not Purpose.SERVICE:
        return False
    starts, ends = winner.starts or dt.date.min, winner.ends or dt.date.max
    return starts <= (loser.starts or dt.date.min) and (loser.ends or dt.date.max) <= ends


def _first(mask: int) -> int:
    return (mask & -mask).bit_length() - 1


def _same_days(left: Rule, right: Rule) -> bool:
    starts = max(left.starts or dt.date.min, right.starts or dt.date.min)
    return starts <= min(left.ends or dt.date.max, right.ends or dt.date.max)
