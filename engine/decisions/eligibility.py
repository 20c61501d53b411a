"""May this customer have it at all? The first product of a rule's offer that may be offered, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dsl.catalog import Catalog, Owner
from dsl.datatypes import DataType, Kind
from dsl.typed import Attribute, Offer, Rule
from engine.decisions import reasons

Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]

READS = (
    Attribute(Owner.SUBSCRIPTION, "plan", DataType(Kind.PLAN)),
    Attribute(Owner.SUBSCRIPTION, "addons", DataType(Kind.SET)),
)
"""What it reads of a batch, besides the column `subscription`."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """For some rows: the product offered (None: the rule offers nothing), or why none may be (reason, about what)."""

    product: list[str | None]
    reason: list[str | None]
    detail: list[str | None]


class Eligibility:
    """What each row of a batch holds and may take, worked out once a product and batch."""

    def __init__(self, batch: pa.Table, catalog: Catalog) -> None:
        self._batch, self._catalog = batch, catalog
        self._obstacles: dict[str, npt.NDArray[np.object_]] = {}

    def propose(self, rule: Rule, rows: Rows) -> Proposal:
        """The first product of the rule's offer without an obstacle, else the first product's obstacle."""
        products = offered(rule)
        if not products:
            nothing: list[str | None] = [None] * len(rows)
            return Proposal(nothing, nothing, nothing)
        product: list[str | None] = []
        reason: list[str | None] = []
        detail: list[str | None] = []
        obstacles = [self._obstacle(name)[rows] for name in products]
        for each in zip(*obstacles, strict=True):
            chosen = next((name for name, obstacle in zip(products, each, strict=True) if obstacle is None), None)
            product.append(chosen or products[0])
            reason.append(None if chosen else each[0])
            detail.append(None if chosen else products[0])
        return Proposal(product, reason, detail)

    def _obstacle(self, product: str) -> npt.NDArray[np.object_]:
        """Per row of the batch: the reason why it may not have this product, or None."""
        if product not in self._obstacles:
            addon = product in self._catalog.addons
            self._obstacles[product] = self._addon_obstacle(product) if addon else self._plan_obstacle(product)
        return self._obstacles[product]

    def _plan_obstacle(self, plan: str) -> npt.NDArray[np.object_]:
        obstacle = self._no_obstacle()
        obstacle[self._plan_in((plan,))] = reasons.ALREADY_HAS
        return obstacle

    def _addon_obstacle(self, addon: str) -> npt.NDArray[np.object_]:
        obstacle = self._no_obstacle()
        if needs := self._catalog.addons[addon].needs:
            obstacle[~self._plan_in(needs)] = reasons.NEEDS_PLAN
        obstacle[self._holds_addon(addon)] = reasons.ALREADY_HAS
        obstacle[pc.is_null(self._batch["subscription"]).to_numpy()] = reasons.NO_SUBSCRIPTION
        return obstacle

    def _no_obstacle(self) -> npt.NDArray[np.object_]:
        return np.full(self._batch.num_rows, None, dtype=object)

    def _plan_in(self, plans: Sequence[str]) -> Bools:
        held = self._batch["subscription.plan"].cast(pa.string())
        return _true(pc.is_in(held, pa.array(plans, pa.string())))

    def _holds_addon(self, addon: str) -> Bools:
        lists = self._batch["subscription.addons"].combine_chunks()
        holds = np.zeros(len(lists), bool)
        flat = _true(pc.equal(pc.list_flatten(lists).cast(pa.string()), addon))
        holds[pc.list_parent_indices(lists).to_numpy(zero_copy_only=False)[flat]] = True
        return holds


def offered(rule: Rule) -> tuple[str, ...]:
    """The products of a rule's offer, in the author's order; none where it only says or tags."""
    return next((action.products for action in rule.actions if isinstance(action, Offer)), ())


def _true(mask: pa.ChunkedArray | pa.Array) -> Bools:
    return np.asarray(pc.fill_null(mask, False), dtype=bool)
