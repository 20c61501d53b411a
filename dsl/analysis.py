"""The quick analysis of one condition, for the checker: can it ever be true?

What the analysis does not understand it takes as possible, so "never" is proven and everything else is not.
"""

from __future__ import annotations

from collections.abc import Sequence

from dsl.lint.boxes import both, boxes_of
from dsl.lint.cells import Choices, Leaf, negated
from dsl.typed import All, AnyOf, Condition, Not, Relation, SegmentUse, Test


def contradiction(condition: Condition, choices: Choices) -> tuple[Leaf, ...] | None:
    """Clauses that cannot hold together, if the condition can never be true; None if it can, or may.

    `choices` are the values of plans and add-ons. Of several alternatives the first one's contradiction is told.
    """
    if boxes_of(condition, choices).boxes or (leaves := _first(condition, is_negated=False)) is None:
        return None
    needed = leaves
    for leaf in leaves:
        rest = [one for one in needed if one is not leaf]
        if rest and not _possible(rest, choices):
            needed = rest
    return tuple(needed)


def _first(condition: Condition, *, is_negated: bool) -> list[Leaf] | None:
    """The clauses of the first alternative; None where there is none."""
    match condition:
        case Test() | Relation():
            return [negated(condition) if is_negated else condition]
        case Not(item):
            return _first(item, is_negated=not is_negated)
        case SegmentUse(_, inner):
            return _first(inner, is_negated=is_negated)
        case All(items) | AnyOf(items):
            parts = [_first(item, is_negated=is_negated) for item in items]
            if isinstance(condition, All) == is_negated:
                return next((part for part in parts if part is not None), None)
            known = [part for part in parts if part is not None]
            return [leaf for part in known for leaf in part] if len(known) == len(parts) else None


def _possible(leaves: Sequence[Leaf], choices: Choices) -> bool:
    return bool(both([boxes_of(leaf, choices) for leaf in leaves]).boxes)
