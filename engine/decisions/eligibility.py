"""May this customer have it at all?

A product has an obstacle where the row has it already, where its plan does not support it or does not lead to it, where
there is no subscription to add it to, where an add-on that it needs is missing or something that it does not go with is
there (`packaging`), or where an offer of it stands open.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dsl.catalog import Owner
from dsl.datatypes import DataType, Kind
from dsl.typed import Attribute
from engine.decisions import reasons
from engine.decisions.candidates import Candidates, Case
from engine.decisions.rule_table import FIRST_PLAN, NO_SUBSCRIPTION, OTHER_PLAN, Bools, Ints, RuleTable

READS = (
    Attribute(Owner.SUBSCRIPTION, "plan", DataType(Kind.PLAN)),
    Attribute(Owner.SUBSCRIPTION, "addons", DataType(Kind.SET)),
)
"""What it reads of a batch, besides the column `subscription`."""

_ALREADY_HAS, _OFFER_STANDS = (reasons.NUMBER[reason] for reason in (reasons.ALREADY_HAS, reasons.OFFER_STANDS))
_NEEDS_ADDON, _EXCLUDED = (reasons.NUMBER[reason] for reason in (reasons.NEEDS_ADDON, reasons.EXCLUDED))


def hold_ineligible(found: Candidates, case: Case) -> None:
    """Hold what has an obstacle."""
    obstacle = case.rules.fit[case.facts.standing[found.row], found.product]
    np.copyto(obstacle, _ALREADY_HAS, where=case.facts.holds[found.row, found.product])
    found.hold(obstacle != 0, obstacle, found.product)
    _hold_unfit(found, case)
    if case.before.standing_offers is not None:
        found.hold(case.before.standing_offers[found.row, found.product], _OFFER_STANDS, found.product)


def _hold_unfit(found: Candidates, case: Case) -> None:
    """Hold what needs an add-on that the row has not, or does not go with something that it has."""
    package, had = case.rules.packaging, case.facts.holds
    for matrix, missing, reason in ((package.needed, True, _NEEDS_ADDON), (package.excluded, False, _EXCLUDED)):
        concerned: Bools = np.asarray(matrix.any(axis=1), np.bool_)
        mine = np.flatnonzero(concerned[found.product])
        if mine.size:
            has = had[found.row[mine]] != missing
            where = np.zeros(len(found), np.bool_)
            where[mine] = (has & matrix[found.product[mine]]).any(axis=1)
            found.hold(where, reason, found.product)


# --- read of a batch -------------------------------------------------------------------------------------------------


def standing(batch: pa.Table, rules: RuleTable) -> Ints:
    """How each row of a batch stands (`RuleTable.fit`)."""
    plans = pa.array(list(rules.standing_of_plan), pa.string())
    number = pc.index_in(batch["subscription.plan"].cast(pa.string()), plans)
    stands: Ints = pc.add(pc.fill_null(number, -1).cast(pa.int64()), OTHER_PLAN + 1).to_numpy().copy()
    stands[pc.is_null(batch["subscription"]).to_numpy()] = NO_SUBSCRIPTION
    return stands


def holds(batch: pa.Table, rules: RuleTable, standing: Ints) -> Bools:
    """Which products each row of a batch has."""
    held = np.zeros((batch.num_rows, len(rules.product_names) + 1), np.bool_)
    lists = batch["subscription.addons"].combine_chunks()
    products = pa.array(list(rules.product_names), pa.string())
    number = pc.index_in(pc.list_flatten(lists).cast(pa.string()), products)
    known = pc.is_valid(number).to_numpy(zero_copy_only=False)
    row = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False)[known]
    held[row, number.drop_null().to_numpy()] = True
    return all_held(held, standing, rules)


def all_held(addons: Bools, standing: Ints, rules: RuleTable) -> Bools:
    """With the add-ons of rows also their plans, and what these come with."""
    rows = np.flatnonzero(standing >= FIRST_PLAN)
    addons[rows, standing[rows] - FIRST_PLAN] = True
    rules.packaging.complete(addons)
    return addons
