"""Which rules could still match a row before anything of its past was looked up: the others need not ask.

The gate is the rules' normal form without the leaves that ask what happened before, as if each of these were true. In
the normal form nothing is negated, so what this form refuses the whole one refuses, whatever the past says.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from functools import lru_cache

from dsl.typed import Condition, Historic, Relation, Test
from engine.matching.bound import bind_rules
from engine.matching.index import EventIndex
from engine.matching.leaves import Leaf
from engine.matching.normal_form import Both, Conjunct, Either, Form, normalise
from engine.matching.reads import historic, terms_of
from engine.matching.terms import Row

DAYS_KEPT = 4
"""Local dates whose constants are kept: at one instant the earth has at most three."""


class Gate:
    """Conditions as far as state alone answers them; "rule" number n is the n-th of them."""

    def __init__(self, conditions: Sequence[Condition]) -> None:
        self._asks = [historic(condition) for condition in conditions]
        relaxed = [tuple(_relaxed(one) for one in normalise(condition)) for condition in conditions]
        self._index = lru_cache(DAYS_KEPT)(lambda today: EventIndex(bind_rules(relaxed, today), today))

    def still_asked(self, row: Row, today: dt.date) -> tuple[Historic, ...]:
        """What must be looked up for the rules that could match `row` on local date `today`, each term once."""
        return tuple(dict.fromkeys(term for rule in self._index(today).match(row) for term in self._asks[rule]))


def _relaxed(conjunct: Conjunct) -> Conjunct:
    leaves = frozenset(leaf for leaf in conjunct.leaves if not _asks_history(leaf))
    return Conjunct(leaves, tuple(_both_of(conjunct.rest)))


def _both_of(forms: Iterable[Form]) -> Iterable[Form]:
    return [form for form in map(_relaxed_form, forms) if form is not None]


def _relaxed_form(form: Form) -> Form | None:
    """The form with what asks history taken as true; None where the whole is."""
    if isinstance(form, Leaf):
        return None if _asks_history(form) else form
    if isinstance(form, Both):
        items = tuple(_both_of(form.items))
        return Both(items) if items else None
    each = [_relaxed_form(item) for item in form.items]
    return None if None in each else Either(tuple(item for item in each if item is not None))


def _asks_history(leaf: Leaf) -> bool:
    if isinstance(leaf.term, Test | Relation):
        return any(isinstance(term, Historic) for term in terms_of(leaf.term))
    return isinstance(leaf.term, Historic)
