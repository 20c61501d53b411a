"""Who may have which product: what comes with what, excludes, needs and bundles, against plain loops over sets."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import pytest

from dsl.catalog import Catalog
from dsl.products import Product
from engine.decisions.eligibility import all_held
from engine.decisions.reasons import CODES
from engine.decisions.rule_table import compile_rules

PLANS, ADDONS, BUNDLES = ("basic", "plus", "team"), ("backup", "support", "video", "scan"), ("pack", "start")


def made_catalog(rng: random.Random) -> Catalog:
    def some(names: tuple[str, ...], most: int) -> tuple[str, ...]:
        return tuple(rng.sample(names, min(len(names), rng.randrange(most + 1))))

    def addon(number: int, name: str) -> Product:
        before = ADDONS[:number]
        part_of = rng.sample(before, min(len(before), rng.randrange(2)))
        needs = some(tuple(one for one in before if one not in part_of), 1)
        free = tuple(one for one in (*ADDONS, *PLANS) if one not in (*part_of, *needs, name))
        return Product(
            name, name, needs=some(PLANS, 2), needs_addons=needs, includes=tuple(part_of), excludes=some(free, 1)
        )

    plans = {
        name: Product(name, name, rank=rank, includes=some(ADDONS[:2], 1), excludes=some(ADDONS[2:], 1))
        for rank, name in enumerate(PLANS)
    }
    addons = {name: addon(number, name) for number, name in enumerate(ADDONS)}
    pack = Product("pack", "pack", includes=tuple(rng.sample(ADDONS, 2)))
    start = Product("start", "start", includes=(rng.choice(PLANS), *rng.sample(ADDONS, 2)))
    return Catalog("USD", "UTC", plans=plans, addons=addons, bundles={"pack": pack, "start": start})


# --- the oracle ------------------------------------------------------------------------------------------------------


def closure(catalog: Catalog, names: set[str]) -> set[str]:
    while True:
        more = names | {part for name in names for part in catalog.product(name).includes}
        if more == names:
            return names
        names = more


def reasons_of(catalog: Catalog, plan: str | None, addons: set[str], offered: str) -> Iterator[str]:
    """In the order in which one of them is told."""
    had = closure(catalog, addons | ({plan} if plan else set()))
    brought = closure(catalog, {offered})
    parts = brought - {offered} if offered in BUNDLES else {offered}
    new_plan = next((one for one in brought if one in PLANS), None)
    if parts <= had:
        yield "already_has"
    if plan is None and new_plan is None:
        yield "no_subscription"
    if plan and new_plan and new_plan != plan and PLANS.index(new_plan) < PLANS.index(plan):
        yield "no_path"
    then = new_plan or plan
    if any(catalog.addons[one].needs and then not in catalog.addons[one].needs for one in parts if one in ADDONS):
        yield "needs_plan"
    if any(need not in had | brought for one in brought for need in catalog.product(one).needs_addons):
        yield "needs_addon"
    beside = {one for one in had if not (new_plan and one in PLANS)}
    for one in brought:
        if any(one in catalog.product(other).excludes or other in catalog.product(one).excludes for other in beside):
            yield "excluded"


def found(catalog: Catalog, plan: str | None, addons: set[str]) -> list[str | None]:
    rules = compile_rules([], catalog)
    standing = np.array([0 if plan is None else rules.standing_of_plan[plan]], np.int64)
    held = np.zeros((1, len(rules.product_names) + 1), np.bool_)
    held[0, [rules.product_number[one] for one in addons]] = True
    had = all_held(held, standing, rules)[0]
    package = rules.packaging
    told: list[str | None] = []
    for number in range(len(rules.product_names)):
        fit = CODES[rules.fit[standing[0], number]]
        lacks, clashes = (package.needed[number] & ~had).any(), (package.excluded[number] & had).any()
        unfit = "needs_addon" if lacks else "excluded" if clashes else None
        told.append("already_has" if had[number] else fit or unfit)
    return told


@pytest.mark.parametrize("seed", range(60))
def test_against_plain_loops(seed: int) -> None:
    rng = random.Random(seed)
    catalog = made_catalog(rng)
    for _ in range(8):
        plan = rng.choice((None, *PLANS))
        addons = set(rng.sample(ADDONS, rng.randrange(4))) if plan else set[str]()
        expected = [next(reasons_of(catalog, plan, addons, name), None) for name in catalog.products]
        assert found(catalog, plan, addons) == expected, (catalog, plan, addons)
