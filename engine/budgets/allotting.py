"""Who gets what there is: candidates for rules with global limits, in one pass, the highest values first. Pure.

Each occasion proposes its first candidate. A rule that may not take all that is proposed to it takes the highest values
that fit; who is refused proposes the next candidate of the occasion, which may itself be for a rule with limits, and so
on. A newcomer of a higher value takes the place of lower ones, which then go on to their own next candidates. This is
deferred acceptance (Gale and Shapley, "College admissions and the stability of marriage", 1962): the result does not
depend on the order in which candidates are looked at.

What a rule refuses it never takes later: with the refusal, the limit that had no room is closed to everything of a
lower value that asks as much of it or more. So nobody loses a place that a lower value then gets; a lower value that
asks for less of a budget may still find room for it.

Equal values go by `tie`, then occasion. Of several candidates of one customer for one rule, the first counts as the
customer's place; the others need none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.budgets.candidates import NOT_REFUSED, Bools, Candidates, Ints, Room
from engine.budgets.choosing import LimitedRules


@dataclass(frozen=True, slots=True)
class Allotted:
    """By candidate, in the order given: whether it won its occasion; the number of the limit (of those given) that
    refused it, else OTHER_CURRENCY or NOT_REFUSED. Who neither won nor was refused ranked after the winner.
    """

    won: Bools
    refused_by: Ints


def allot(candidates: Candidates, rooms: Sequence[Room]) -> Allotted:
    """One winner an occasion at most, and no limit exceeded."""
    order = np.lexsort((candidates.rank, candidates.occasion, candidates.tie, -candidates.value))
    new, later = _choices(candidates, order)
    proposed = np.zeros(len(order), bool)
    refused_by = np.full(len(order), NOT_REFUSED, np.int64)
    sorted_ = candidates.take(order)
    rules = LimitedRules(sorted_, rooms, _repeated(sorted_.customer[new]))
    while new.size:
        proposed[new] = True
        refused = _refuse(rules, new[rules.listening[new]], refused_by)
        new = later[refused]
        new = new[new >= 0]
    won, by = np.empty_like(proposed), np.empty_like(refused_by)
    won[order], by[order] = proposed & (refused_by == NOT_REFUSED), refused_by
    return Allotted(won, by)


def _choices(candidates: Candidates, order: Ints) -> tuple[Ints, Ints]:
    """As places in the order: the first choice of each occasion; after each candidate the next one, -1 at the end."""
    by_rank = np.lexsort((candidates.rank, candidates.occasion))
    occasion = candidates.occasion[by_rank]
    goes_on = occasion[1:] == occasion[:-1]
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    place = place[by_rank]
    later = np.full(len(order), -1, np.int64)
    later[place[:-1][goes_on]] = place[1:][goes_on]
    return place[np.append(True, ~goes_on)[: len(place)]], later


def _repeated(customer: Ints) -> bool:
    """Whether one of these is there twice. (A sort: numpy's `unique` hashes, which takes five times as long.)"""
    ordered = np.sort(customer)
    return bool((ordered[1:] == ordered[:-1]).any())


def _refuse(rules: LimitedRules, new: Ints, refused_by: Ints) -> Ints:
    """Puts new proposals before their rules; who is refused by that, earlier proposals among them."""
    all_refused = [np.empty(0, np.int64)]
    while new.size:
        refused, by = rules.choose(new)
        refused_by[refused] = by
        all_refused.append(refused)
        new = rules.to_count_again(refused)
    return np.concatenate(all_refused)
