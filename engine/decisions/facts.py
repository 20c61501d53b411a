"""Facts: what deciding reads of a batch's rows, as small numbers, and what was said of them before.

A batch makes its facts from its columns (`batch_facts`); the way of one event makes them from one customer's state.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.decisions.rule_table import Bools, Ints


@dataclass(frozen=True, slots=True)
class Facts:
    """Arrays with a place a row of the batch.

    `occasion` numbers customer and instant from 0 on, in that order. `place` orders the rows of an occasion by subject,
    subscription, occurrence, moment and offset. `occurrence` numbers subject and key, in any order; `has_twins` says
    whether any has several rows (a customer's moment has one a subscription). `standing` is a row of `RuleTable.fit`,
    `holds` says by product which add-ons the row has (its last column, of no product, is False), `open` has the bits of
    the channels on which the customer agreed to be met.
    """

    occasion: Ints
    place: Ints
    occurrence: Ints
    has_twins: bool
    standing: Ints
    holds: Bools  # [rows, products + 1]
    open: Ints


@dataclass(frozen=True, slots=True)
class Before:
    """What was said before. `taken` names by row (a number of `names`, or -1) the rule that won the row's occurrence.

    `paused` has a place a rule. None: nothing of the kind.
    """

    taken: Ints | None = None
    names: tuple[str, ...] = ()
    paused: Bools | None = None
