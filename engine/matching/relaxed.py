"""Could a rule still match, whatever is found of the past? Asked before the past is looked up, which costs most.

A condition is relaxed by taking each clause that asks what happened before for true, under a `not` for false. Where the
relaxed condition does not hold the condition does not either: with false below missing below true, `and` is the least,
`or` the greatest of their parts, and `not` turns the order, so that no clause can do more than its bound.
"""

from __future__ import annotations

from dsl.typed import All, AnyOf, Condition, Historic, Not, SegmentUse
from engine.matching.reads import terms_of

ALWAYS, NEVER = All(()), AnyOf(())


def relaxed(condition: Condition, bound: Condition = ALWAYS) -> Condition:
    """The condition with `bound` in the place of what asks the past."""
    match condition:
        case Not(item):
            return Not(relaxed(item, NEVER if bound == ALWAYS else ALWAYS))
        case SegmentUse(condition=named):
            return relaxed(named, bound)
        case All(items):
            return All(tuple(relaxed(item, bound) for item in items))
        case AnyOf(items):
            return AnyOf(tuple(relaxed(item, bound) for item in items))
    return bound if any(isinstance(term, Historic) for term in terms_of(condition)) else condition
