"""The clauses of receipts, written for many decisions at once.

A receipt's rule matched, so most verdicts are known beforehand: the parts of a conjunction that is true are true, those
of a disjunction that is false are false. What is left of an entry hangs on the row: the value read, and under an `or`
the verdict too. Such a *question* is answered by the reference interpreter, once for each distinct answer's reads
(which many rows and rules share) and kept for the day; everything between two questions is the rule's fixed text.

So a rule is a list of slots, a fixed text and a question each; a decision's clauses are its rule's slots one after the
other, and all decisions are put together by one join of a column of lists.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import accumulate
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dsl.typed import All, AnyOf, Attribute, Condition, Historic, Not, SegmentUse, Term
from engine.decisions.distinct import Codes
from engine.decisions.receipts import told
from engine.decisions.rule_table import Ints, RuleTable
from engine.matching.interpreter import clauses, holds
from engine.matching.keys import key_of
from engine.matching.outline import Entry, outline
from engine.matching.reads import asked_of, attributes_of, sides
from engine.matching.rows import full_rows
from engine.privacy import Row, personal_keys
from engine.store.columns import keys_of
from engine.store.documents import dump

Named = TypeVar("Named", bound=Hashable)

ANSWERS_KEPT = 50_000
"""Answers of a question, by what it reads; more of them are worked out anew."""


@dataclass(frozen=True)
class Question:
    """What of a clause hangs on the row: the value of its terms, and the verdict of an `open_condition`."""

    terms: tuple[Term, ...]
    open_condition: Condition | None
    clause: Condition = field(compare=False)  # any that has these terms

    @cached_property
    def past(self) -> tuple[Historic, ...]:
        return tuple(term for term in asked_of(self.clause) if isinstance(term, Historic))

    @cached_property
    def attributes(self) -> tuple[Attribute, ...]:
        found = (attribute for term in asked_of(self.clause) for attribute in attributes_of(term))
        return tuple(dict.fromkeys(found))

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Of a batch, all that the answer hangs on."""
        return (*(key for one in self.attributes for key in keys_of(one)), *map(key_of, self.past))

    def answer(self, row: Row, day: dt.date, personal: frozenset[str]) -> str:
        """JSON text: the value, and where it is asked the verdict behind a comma."""
        value = told(clauses(self.clause, row, day)[0], personal) if self.terms else None
        if self.open_condition is None:
            return dump(value)
        return f"{dump(value)},{dump(holds(self.open_condition, row, day))}"


@lru_cache(maxsize=8)
def clause_texts(rules: RuleTable, day: dt.date) -> ClauseTexts:
    """The texts of a table's rules on a local date, kept with their answers."""
    return ClauseTexts(rules, day)


class ClauseTexts:
    """The slots of all rules, one after the other; texts and questions are numbered."""

    def __init__(self, rules: RuleTable, day: dt.date) -> None:
        self._day, self._personal = day, personal_keys(rules.catalog)
        slots = [list(_slots(rule.condition)) for rule in rules.rules]
        flat = [slot for some in slots for slot in some]
        self._starts = np.array([*accumulate((len(some) for some in slots), initial=0)], np.int64)
        self._texts = _numbered(["", *(text for text, _ in flat)])
        self._questions = _numbered([one for _, one in flat if one is not None])
        self._fixed = np.array([self._texts[text] for text, _ in flat], np.int64)
        self._asked = np.array([-1 if one is None else self._questions[one] for _, one in flat], np.int64)
        self._answers: list[dict[tuple[object, ...], str]] = [{} for _ in self._questions]

    def of(self, table: pa.Table, row: Ints, rule: Ints) -> pa.StringArray:
        """For each decision (row of a part's table, rule): its clauses as JSON, without the outer brackets."""
        counts = np.diff(self._starts)[rule]
        ends = np.cumsum(counts)
        total = int(ends[-1]) if len(ends) else 0
        slot = np.arange(total) + np.repeat(self._starts[rule] - ends + counts, counts)
        texts = dict(self._texts)
        pieces = np.empty((total, 2), np.int64)
        pieces[:, 0] = self._fixed[slot]
        pieces[:, 1] = self._answered(table, self._asked[slot], np.repeat(row, counts), texts)
        told = pa.array(list(texts), pa.string()).take(pa.array(pieces.reshape(-1)))
        offsets = pa.array(np.concatenate(([0], ends * 2)).astype(np.int32))
        return pc.binary_join(pa.ListArray.from_arrays(offsets, told), "")

    def _answered(self, table: pa.Table, question: Ints, row: Ints, texts: dict[str, int]) -> Ints:
        """The number of the text that answers each question of its row; no question (-1) has an empty answer."""
        numbers = np.zeros(len(question), np.int64)
        # Numbers of 16 bits are sorted by counting, several times as fast.
        small = question.astype(np.int16) if len(self._questions) < 1 << 15 else question
        order = np.argsort(small, kind="stable")
        edges = np.searchsorted(small[order], np.arange(len(self._questions) + 1))
        codes = Codes(table)
        for number, one in enumerate(self._questions):
            here = order[edges[number] : edges[number + 1]]
            if len(here):
                _, first, place = np.unique(codes.of(one.columns)[row[here]], return_index=True, return_inverse=True)
                found = self._ask(number, one, table, row[here[first]])
                numbers[here] = np.array([texts.setdefault(text, len(texts)) for text in found], np.int64)[place]
        return numbers

    def _ask(self, number: int, one: Question, table: pa.Table, rows: Ints) -> list[str]:
        """The answers of some rows."""
        chosen = table.select(dict.fromkeys(one.columns)).take(rows) if one.columns else table.slice(0, len(rows))
        names = [*(each.key for each in one.attributes), *map(key_of, one.past)]
        kept, found = self._answers[number], []
        for row in full_rows(chosen, one.attributes, one.past):
            key = tuple(row.get(name) for name in names)
            if key not in kept:
                if len(kept) >= ANSWERS_KEPT:
                    kept.clear()
                kept[key] = one.answer(row, self._day, self._personal)
            found.append(kept[key])
        return found


def _numbered(listed: Iterable[Named]) -> dict[Named, int]:
    """Each once, with its place."""
    return {each: number for number, each in enumerate(dict.fromkeys(listed))}


def _slots(condition: Condition) -> Iterator[tuple[str, Question | None]]:
    """A rule's slots: fixed text, and the question that follows it; the last has none."""
    text = ""
    for number, (entry, verdict) in enumerate(_verdicts(condition, 0, True)):
        text += f"{',' if number else ''}[{dump(entry.text)},"
        terms = sides(entry.condition)
        if terms or verdict is None:
            yield text, Question(terms, entry.condition if verdict is None else None, entry.condition)
            text = ""
        else:
            text += "null"
        text += f",{entry.depth}]" if verdict is None else f",{dump(verdict)},{entry.depth}]"
    yield text, None


def _verdicts(condition: Condition, depth: int, verdict: bool | None) -> Iterator[tuple[Entry, bool | None]]:
    """A condition's outline, each entry with its verdict as far as the whole's verdict says it; None leaves it open."""
    yield next(outline(condition, depth)), verdict
    match condition:
        case All(items):
            parts = [(item, True if verdict is True else None) for item in items]
        case AnyOf(items):
            parts = [(item, False if verdict is False else None) for item in items]
        case Not(item):
            parts = [(item, None if verdict is None else not verdict)]
        case SegmentUse(condition=named):
            parts = [(named, verdict)]
        case _:
            parts = []
    for part, known in parts:
        yield from _verdicts(part, depth + 1, known)
