"""May this customer have it at all? Of the products of a rule's offer the first that may be offered is proposed.

A product has an obstacle where the row holds it already, where its plan does not support it, or where there is no
subscription to add it to. A rule all of whose products have one is held, with the obstacle of the first.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dsl.catalog import Owner
from dsl.datatypes import DataType, Kind
from dsl.typed import Attribute
from engine.decisions import reasons
from engine.decisions.candidates import Candidates, Case
from engine.decisions.rule_table import NO_SUBSCRIPTION, OTHER_PLAN, Bools, Ints, RuleTable

READS = (
    Attribute(Owner.SUBSCRIPTION, "plan", DataType(Kind.PLAN)),
    Attribute(Owner.SUBSCRIPTION, "addons", DataType(Kind.SET)),
)
"""What it reads of a batch, besides the column `subscription`."""

_ALREADY_HAS = reasons.NUMBER[reasons.ALREADY_HAS]


def hold_ineligible(found: Candidates, case: Case) -> None:
    """Propose the first product without an obstacle; hold what has none such."""
    first = obstacles(case, found.row, found.product)
    blocked = first != 0
    if not blocked.any():
        return
    wanted = found.product.copy()
    for place in range(1, case.rules.products.shape[1]):
        here = np.flatnonzero(blocked)
        other = case.rules.products[found.rule[here], place]
        fits = (other >= 0) & (obstacles(case, found.row[here], other) == 0)
        found.product[here[fits]] = other[fits]
        blocked[here[fits]] = False
    found.hold(blocked, first, wanted)


def obstacles(case: Case, row: Ints, product: Ints) -> npt.NDArray[np.int8]:
    """Why each row may not have its product, as a number of `reasons.CODES`; 0 where it may."""
    fit = case.rules.fit[case.facts.standing[row], product]
    np.copyto(fit, _ALREADY_HAS, where=case.facts.holds[row, product])
    return fit


# --- read of a batch -------------------------------------------------------------------------------------------------


def standing(batch: pa.Table, rules: RuleTable) -> Ints:
    """How each row of a batch stands (`RuleTable.fit`)."""
    plans = pa.array(list(rules.standing_of_plan), pa.string())
    number = pc.index_in(batch["subscription.plan"].cast(pa.string()), plans)
    stands: Ints = pc.add(pc.fill_null(number, -1).cast(pa.int64()), OTHER_PLAN + 1).to_numpy().copy()
    stands[pc.is_null(batch["subscription"]).to_numpy()] = NO_SUBSCRIPTION
    return stands


def holds(batch: pa.Table, rules: RuleTable) -> Bools:
    """Which add-ons each row of a batch has, by product."""
    held = np.zeros((batch.num_rows, len(rules.product_names) + 1), np.bool_)
    lists = batch["subscription.addons"].combine_chunks()
    products = pa.array(list(rules.product_names), pa.string())
    number = pc.index_in(pc.list_flatten(lists).cast(pa.string()), products)
    known = pc.is_valid(number).to_numpy(zero_copy_only=False)
    row = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False)[known]
    held[row, number.drop_null().to_numpy()] = True
    return held
