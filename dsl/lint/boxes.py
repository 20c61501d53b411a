"""Boxes: a condition as a union of conjunctions, each one region a cell.

`not` is pushed to the clauses, so each is two-valued ("present and it holds") and a box is true of a state exactly
where every region holds its cell's value. A condition with more than MOST_BOXES of them is widened: parts are left
out, so that its boxes hold wherever the condition does, and perhaps elsewhere; then it is not `exact`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from dsl.datatypes import Kind
from dsl.lint.cells import Choices, Leaf, Regions, constraints, negated
from dsl.lint.regions import Aspect, Cell, Region, intersection, without
from dsl.operators import OPERATORS
from dsl.typed import All, AnyOf, Condition, Not, Relation, SegmentUse, Test

MOST_BOXES = 64
MOST_STEPS = 512


@dataclass(frozen=True, slots=True)
class Box:
    """A conjunction: no region is empty. `leaves` are its clauses."""

    regions: Regions
    leaves: tuple[Leaf, ...] = ()


@dataclass(frozen=True, slots=True)
class Boxes:
    """Where a condition may hold; nowhere if there are none. If `exact`, where it does hold."""

    boxes: tuple[Box, ...]
    exact: bool = True


_TEXT = frozenset({Kind.TEXT})
_NO_DAY = dt.date(2000, 1, 1)
"""For operators whose meaning does not ask for the day."""

EVERYWHERE = Boxes((Box({}),))


def boxes_of(condition: Condition, choices: Choices) -> Boxes:
    return _boxes(condition, choices, is_negated=False)


def _boxes(condition: Condition, choices: Choices, *, is_negated: bool) -> Boxes:
    match condition:
        case Test() | Relation():
            leaf = negated(condition) if is_negated else condition
            asked = {cell: region for cell, region in constraints(leaf, choices).items() if region != cell.everything}
            found = meet(Box({}), Box(asked, (leaf,)))
            return Boxes((found,) if found is not None else ())
        case Not(item):
            return _boxes(item, choices, is_negated=not is_negated)
        case SegmentUse(_, inner):
            return _boxes(inner, choices, is_negated=is_negated)
        case All(items) | AnyOf(items):
            parts = [_boxes(item, choices, is_negated=is_negated) for item in items]
            return _either(parts) if isinstance(condition, All) == is_negated else both(parts)


def _either(parts: Sequence[Boxes]) -> Boxes:
    together = tuple(box for part in parts for box in part.boxes)
    if len(together) > MOST_BOXES:
        return Boxes(EVERYWHERE.boxes, exact=False)
    return Boxes(together, all(part.exact for part in parts))


def both(parts: Sequence[Boxes]) -> Boxes:
    """Every way to take a box of each part that leaves something."""
    made, exact = EVERYWHERE.boxes, True
    for part in sorted(parts, key=lambda one: len(one.boxes)):
        if len(made) * len(part.boxes) > MOST_BOXES**2:
            exact = False
            continue
        met = tuple(box for left in made for right in part.boxes if (box := meet(left, right)) is not None)
        if len(met) > MOST_BOXES:
            exact = False
            continue
        made, exact = met, exact and part.exact
    return Boxes(made, exact)


def meet(left: Box, right: Box) -> Box | None:
    """What both hold of; None where that is nothing."""
    regions = dict(left.regions)
    for cell, region in right.regions.items():
        other = regions.get(cell)
        regions[cell] = region if other is None else intersection(other, region, ordered=cell.domain.ordered)
        if regions[cell].is_empty:
            return None
    leaves = left.leaves + right.leaves
    if right.leaves and not _patterns(regions, leaves):
        return None
    return Box(regions, leaves)


def _patterns(regions: dict[Cell, Region], leaves: tuple[Leaf, ...]) -> bool:
    """Of a text whose values are listed, keep those that pass its patterns; whether any is left."""
    for leaf in leaves:
        if isinstance(leaf, Test) and (row := OPERATORS[leaf.operator]).kinds == _TEXT:
            for cell, region in regions.items():
                if cell.aspect is Aspect.VALUE and cell.subject == leaf.term and not region.inside:
                    left = tuple(one for one in region.toggles if row.meaning(one, leaf.operands, _NO_DAY))
                    if not left:
                        return False
                    regions[cell] = Region(False, left, region.missing)
    return True


# --- what is left -----------------------------------------------------------------------------------------------------


def covered(box: Box, covers: Sequence[Box]) -> bool | None:
    """Whether every state of the box is in one of the covers; None where that takes too many steps to say.

    Depth first: one piece that is left outside of all covers settles it.
    """
    widest = sorted(covers, key=lambda one: len(one.regions))
    pieces: list[tuple[Regions, int]] = [(box.regions, 0)]
    for _ in range(MOST_STEPS):
        if not pieces:
            return True
        piece, number = pieces.pop()
        if number == len(widest):
            return False
        pieces.extend((left, number + 1) for left in _outside(piece, widest[number].regions))
    return None


def _outside(piece: Regions, cover: Regions) -> list[Regions]:
    """The piece less the cover, as boxes that do not overlap."""
    inside = dict(piece)
    found: list[Regions] = []
    for cell, region in cover.items():
        mine = inside.get(cell, cell.everything)
        ordered = cell.domain.ordered
        common = intersection(mine, region, ordered=ordered)
        if common.is_empty:
            return [piece]
        rest = intersection(mine, without(cell, region), ordered=ordered)
        if not rest.is_empty:
            found.append({**inside, cell: rest})
        inside[cell] = common
    return found
