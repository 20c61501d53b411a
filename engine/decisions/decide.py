"""Decide: matches in, ranked candidates with results and reasons out. Pure, and per customer.

All occurrences of one customer due at the same instant are one *occasion*. Each match becomes a candidate and goes
through the stages of `HOLDING`, in order: each holds some of those that are free, with its reason. Of those that stay
free one contact wins the occasion: the highest priority, then rule, subject and subscription by name, so that the order
of rows and rules changes nothing. Rules that only tag contact nobody: they do not compete.

A customer's moment is tried on each of the customer's subscriptions and decided once: of the rows of one occurrence
that a rule matches, the one that ranks first is kept.

Everything is arrays, a place a candidate: a million matches take as many operations as one event's ten, so the same
function decides both. A new reason to hold is one more function in `HOLDING`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.decisions import reasons
from engine.decisions.candidates import Candidates, Case, propose
from engine.decisions.eligibility import hold_ineligible
from engine.decisions.numbering import since_first
from engine.decisions.policy import hold_unmeetable
from engine.decisions.rule_table import Bools, Ints

Stage = Callable[[Candidates, Case], None]


@dataclass(frozen=True, slots=True)
class Decided:
    """The candidates by occasion and rank: `rank` counts within the occasion from 0, the free before the held.

    `won` are the contacts that won their occasions.
    """

    candidates: Candidates
    occasion: Ints  # of each candidate
    rank: Ints
    won: Bools


def hold_paused(found: Candidates, case: Case) -> None:
    """Rules that somebody paused hold whatever they match."""
    if case.before.paused is not None:
        found.hold(case.before.paused[found.rule], reasons.NUMBER[reasons.PAUSED])


def hold_taken(found: Candidates, case: Case) -> None:
    """What was won before is not won again."""
    if case.before.taken is not None:
        winner = case.before.taken[found.row]
        found.hold(winner >= 0, reasons.NUMBER[reasons.OUTRANKED], winner + len(case.rules.texts))


HOLDING: tuple[Stage, ...] = (hold_paused, hold_ineligible, hold_unmeetable, hold_taken)
"""What may hold a candidate before it competes; the first reason stays."""


def decide(case: Case, row: Ints, rule: Ints) -> Decided:
    """The matches (`row` of the facts, `rule` of the table, both int64, in any order) decided."""
    found = propose(case, row, rule)
    for stage in HOLDING:
        stage(found, case)
    ranked = _once_an_occurrence(_ranked(found, case), case)
    occasion = case.facts.occasion[ranked.row]
    won = _hold_outranked(ranked, case, occasion)
    return Decided(ranked, occasion, since_first(occasion), won)


def _ranked(found: Candidates, case: Case) -> Candidates:
    """By occasion; within it the free before the held, then as the essay above says."""
    facts, rules = case.facts, case.rules
    return found.take(
        _sorted(
            (facts.occasion[found.row], len(facts.occasion)),
            (found.reason != 0, 2),
            (rules.order[found.rule], len(rules.rules)),
            (facts.place[found.row], int(facts.place.max(initial=0)) + 1),
        )
    )


def _sorted(*keys: tuple[Ints | Bools, int]) -> Ints:
    """The order by some numbers, the first counting most, each below its limit: packed into one number they sort fast.

    Where the limits are too large for that they are sorted one by one.
    """
    room = 1
    for _, limit in keys:
        room *= max(limit, 1)
    if room >= 1 << 62:
        return np.lexsort([values for values, _ in reversed(keys)]).astype(np.int64, copy=False)
    packed = np.zeros(1, np.int64)
    for values, limit in keys:
        packed = packed * limit + values
    return packed.argsort()


def _once_an_occurrence(ranked: Candidates, case: Case) -> Candidates:
    """Of the candidates of one rule and occurrence only the first in rank."""
    if not case.facts.has_twins:
        return ranked
    key = ranked.rule * len(case.facts.occurrence) + case.facts.occurrence[ranked.row]
    order = key.argsort(kind="stable")
    first = np.sort(order[since_first(key[order]) == 0])
    return ranked if len(first) == len(key) else ranked.take(first)


def _hold_outranked(ranked: Candidates, case: Case, occasion: Ints) -> Bools:
    """The winners; every other free contact is held for its occasion's winner."""
    competing = np.flatnonzero((ranked.reason == 0) & case.rules.is_contact[ranked.rule])
    behind = since_first(occasion[competing])
    lost = behind > 0
    losers = competing[lost]
    ranked.reason[losers] = reasons.NUMBER[reasons.OUTRANKED]
    ranked.detail[losers] = case.rules.name_text + ranked.rule[(competing[np.arange(len(competing)) - behind])[lost]]
    won = np.zeros(len(ranked.row), np.bool_)
    won[competing[~lost]] = True
    return won
