"""What products do to each other: what comes with which, what cannot stand beside which, what needs which.

A plan or an add-on brings what it `includes`, and what that includes. A bundle is had where all its parts are had. What
is offered brings its parts with it, so whatever stands against a part stands against the whole; and what a part needs
may be another part. `excludes` is said once and means both: neither is offered to somebody who has the other. A plan
takes the place of the plan held, so these two never stand beside each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsl.catalog import Catalog
from engine.offers import contents

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Packaging:
    """Products by their numbers; matrices have a row a product that is offered, a column a product that is had, and a
    last row and column for none. `comes_with` has the parts of plans and add-ons that have any, `bundles` of bundles.
    """

    comes_with: Mapping[int, Ints]
    bundles: Mapping[int, Ints]
    excluded: Bools
    needed: Bools

    def complete(self, had: Bools) -> None:
        """Put into `had` ([rows, products + 1], plans and add-ons) what comes with these, and bundles."""
        for number, parts in self.comes_with.items():
            had[np.ix_(np.flatnonzero(had[:, number]), parts)] = True
        for number, parts in self.bundles.items():
            had[:, number] = had[:, parts].all(axis=1)


def packaging(catalog: Catalog) -> Packaging:
    """Of the products of a catalog, numbered in its order."""
    names = list(catalog.products)
    place = {name: number for number, name in enumerate(names)}
    brought = {name: contents.brought(catalog, name) for name in names}
    parts = {place[name]: np.array([place[one] for one in some], np.int64) for name, some in brought.items() if some}
    bundles = {number: some for number, some in parts.items() if names[number] in catalog.bundles}
    size = len(names) + 1
    own = np.zeros((size, size), np.bool_)
    needed = np.zeros((size, size), np.bool_)
    for name in names:
        own[place[name], [place[one] for one in catalog.product(name).excludes]] = True
        every = {need for one in (name, *brought[name]) for need in catalog.product(one).needs_addons}
        needed[place[name], [place[one] for one in every - set(brought[name])]] = True
    own |= own.T
    excluded = own.copy()
    for number, some in parts.items():
        excluded[number] |= own[some].any(axis=0)
    plans = [place[name] for name in catalog.plans]
    bringing = [place[name] for name in names if catalog.plans.keys() & {name, *brought[name]}]
    excluded[np.ix_(bringing, plans)] = False
    return Packaging(
        {number: some for number, some in parts.items() if number not in bundles}, bundles, excluded, needed
    )
