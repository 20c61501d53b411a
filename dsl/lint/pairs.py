"""Rules of one moment against each other: who is always outranked, and who may meet whom without a priority."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

from dsl.catalog import Catalog
from dsl.choices import Purpose
from dsl.files import MOST_KEPT
from dsl.lint.answers import Verdict, can_meet
from dsl.lint.boxes import Box, Boxes, covered
from dsl.lint.examples import Example
from dsl.lint.facts import Facts, choices_of, facts_of, is_contact
from dsl.lint.index import Index, numbers
from dsl.memory import Memory
from dsl.typed import CountOf, MomentUse, Rule

MOST_TRIED = 3
"""How many rules that a rule may meet are looked at for an example."""

MOST_COVERS = 24
"""How many boxes together may shadow one."""


@dataclass(frozen=True, slots=True)
class Relations:
    """One rule among the others of a moment. `shadows` are those that together always win over it.

    `meets` is a rule of the same priority that stands before it and that it can meet, and there are `more`; `example`
    shows the meeting, or the customer who gets the winner's contact.
    """

    shadows: tuple[str, ...] = ()
    meets: str | None = None
    more: bool = False
    example: Example | None = None


_Reach = tuple[frozenset[str], Purpose, dt.date, dt.date]
"""Whom a rule that goes ahead gets to: through which channels, with or without consent, from when until when."""

_NONE = Relations()
_WEIGHT = 200
"""What a meeting that is remembered weighs, in characters."""

_groups: Memory[tuple[Catalog, tuple[Facts, ...], dict[str, Relations]]] = Memory(MOST_KEPT)
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


def relations(catalog: Catalog, moment: str, rules: tuple[Rule, ...]) -> dict[str, Relations]:
    """Each rule of one moment by its name, where there is something to tell.

    Rules that mean what they meant before, wherever they moved to, are not compared again.
    """
    facts = tuple(facts_of(catalog, rule) for rule in rules)

    def make() -> tuple[Catalog, tuple[Facts, ...], dict[str, Relations]]:
        return catalog, facts, dict(_Group(catalog, moment, rules).found())

    key = (
        id(catalog),
        *((id(one), rule.name, rule.priority, _reach(rule)) for one, rule in zip(facts, rules, strict=True)),
    )
    return _groups.recall(key, sum(rule.span.end - rule.span.start for rule in rules), make)[2]


class _Group:
    """The boxes of all rules of a moment in one index, with masks of what the rules have in common."""

    def __init__(self, catalog: Catalog, moment: str, rules: tuple[Rule, ...]) -> None:
        self.catalog, self.moment, self.rules = catalog, moment, rules
        self.facts = [facts_of(catalog, rule) for rule in rules]
        self.boxes: list[Box] = []
        self.owner: list[int] = []
        self.plain = [self._add(number, one.boxes) for number, one in enumerate(self.facts)]
        self.winning = [
            self.plain[number] if one.winning is one.boxes else self._add(number, one.winning)
            for number, one in enumerate(self.facts)
        ]
        self.index = Index(self.boxes)
        self.beating: dict[_Reach, int] = {}
        self.days: dict[tuple[dt.date | None, dt.date | None], int] = {}
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
        above &= self._beating(self.rules[number])
        found: dict[int, None] = {}
        for box in self.facts[number].boxes.boxes:
            whole = self._owners(self.index.including(box, above))
            if whole:
                found[whole[0]] = None
                continue
            mask = self.index.overlapping(box) & above
            near = list(numbers(mask)) if mask.bit_count() <= MOST_COVERS else []
            if not near or not covered(box, [self.boxes[one] for one in near]):
                return ()
            found.update(dict.fromkeys(self._needed(box, near)))
        return tuple(self.rules[one].name for one in found)

    def _beating(self, rule: Rule) -> int:
        """The winning boxes of the rules that reach everybody whom this one would."""
        kind = _reach(rule)
        if kind not in self.beating:
            others: dict[_Reach, int] = defaultdict(int)
            for one, other in enumerate(self.rules):
                others[_reach(other)] |= self.winning[one]
            self.beating[kind] = sum(mask for other, mask in others.items() if _reaches_all_of(other, kind))
        return self.beating[kind]

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
        for other in self._first_owners(mask & self._days(rule), MOST_TRIED):
            verdict = self._meeting(number, other)
            if verdict.example is not None and _may_be_at(verdict.example, self.moment):
                more = bool(mask & ~self.plain[other])
                return Relations((), self.rules[other].name, more, verdict.example)
        return _NONE

    def _days(self, rule: Rule) -> int:
        """The boxes of the rules that some day is active with this one."""
        days = (rule.starts, rule.ends)
        if days not in self.days:
            together = (self.plain[one] for one, other in enumerate(self.rules) if _same_days(rule, other))
            self.days[days] = reduce(or_, together, 0)
        return self.days[days]

    def _first_owners(self, mask: int, most: int) -> Iterator[int]:
        """Up to so many rules that have boxes in the mask."""
        for _ in range(most):
            if not mask:
                return
            found = self.owner[_first(mask)]
            yield found
            mask &= ~self.plain[found]

    def _meeting(self, number: int, other: int) -> Verdict:
        left, right = self.facts[number], self.facts[other]

        def make() -> tuple[Facts, Facts, Verdict]:
            choices = choices_of(self.catalog)
            return left, right, can_meet(left.boxes, right.boxes, choices, self.catalog.currency)

        return _meetings.recall((id(left), id(right)), _WEIGHT, make)[2]


def beats(winner: Rule, loser: Rule) -> bool:
    """Whether the first reaches everybody whom the second would, on every day of it, if it goes ahead."""
    return _reaches_all_of(_reach(winner), _reach(loser))


def _reach(rule: Rule) -> _Reach:
    return frozenset(rule.via), rule.purpose, rule.starts or dt.date.min, rule.ends or dt.date.max


def _reaches_all_of(winner: _Reach, loser: _Reach) -> bool:
    via, purpose, starts, ends = winner
    its_via, its_purpose, its_starts, its_ends = loser
    consent = purpose is Purpose.SERVICE or its_purpose is not Purpose.SERVICE
    return via == its_via and consent and starts <= its_starts and its_ends <= ends


def _may_be_at(example: Example, moment: str) -> bool:
    """The event that makes the occurrence is counted, so it has happened once at least."""
    return all(
        count > 0
        for term, count in example.counts.items()
        if isinstance(term, CountOf) and term.events.moment == moment
    )


def _first(mask: int) -> int:
    return (mask & -mask).bit_length() - 1


def _same_days(left: Rule, right: Rule) -> bool:
    starts = max(left.starts or dt.date.min, right.starts or dt.date.min)
    return starts <= min(left.ends or dt.date.max, right.ends or dt.date.max)
