"""Questions about conditions, each with one of three answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dsl.lint.boxes import EVERYWHERE, Boxes, both, boxes_of, covered
from dsl.lint.cells import Choices
from dsl.lint.examples import Example, example
from dsl.typed import Condition


class Answer(StrEnum):
    PROVEN = "proven"
    DISPROVEN = "disproven"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`example` is a state that shows it: one where both hold, one where the one holds and the other does not."""

    answer: Answer
    example: Example | None = None


_UNDECIDED, _PROVEN, _DISPROVEN = Verdict(Answer.UNDECIDED), Verdict(Answer.PROVEN), Verdict(Answer.DISPROVEN)


def never(condition: Condition, choices: Choices, currency: str) -> Verdict:
    """Is the condition true of no state at all?"""
    found = boxes_of(condition, choices)
    if not found.boxes:
        return _PROVEN
    shown = shown_by(found, choices, currency) if found.exact else None
    return Verdict(Answer.DISPROVEN, shown) if shown else _UNDECIDED


def always(condition: Condition, choices: Choices) -> Verdict:
    """Is the condition true of every state, whatever is missing?"""
    return included(EVERYWHERE, boxes_of(condition, choices))


def can_meet(left: Boxes, right: Boxes, choices: Choices, currency: str) -> Verdict:
    """Is there a state of which both conditions are true? Proven by an example."""
    common = both([left, right])
    if not common.boxes:
        return _DISPROVEN
    shown = shown_by(common, choices, currency) if common.exact else None
    return Verdict(Answer.PROVEN, shown) if shown else _UNDECIDED


def included(inner: Boxes, outer: Boxes) -> Verdict:
    """Is the outer condition true wherever the inner one is? Not proven is not disproven."""
    if not outer.exact:
        return _UNDECIDED
    return _PROVEN if all(covered(box, outer.boxes) for box in inner.boxes) else _UNDECIDED


def shown_by(boxes: Boxes, choices: Choices, currency: str) -> Example | None:
    """A state of one of the boxes, which are exact."""
    found = (example(box.leaves, choices, currency) for box in boxes.boxes)
    return next((one for one in found if one is not None), None)
