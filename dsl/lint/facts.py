"""What is found out of one rule by itself, without its place in the file: kept as long as its meaning stays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dsl.catalog import Catalog, Owner
from dsl.datatypes import DataType, Kind
from dsl.files import MOST_KEPT
from dsl.lint.answers import Answer, always, included, shown_by
from dsl.lint.boxes import Boxes, both, boxes_of
from dsl.lint.cells import Choices
from dsl.lint.examples import Example
from dsl.memory import Memory
from dsl.typed import (
    Action,
    All,
    AnyOf,
    Attribute,
    Call,
    Condition,
    Offer,
    Rule,
    Say,
    Test,
)

_PLAN = Attribute(Owner.SUBSCRIPTION, "plan", DataType(Kind.PLAN))
_ADDONS = Attribute(Owner.SUBSCRIPTION, "addons", DataType(Kind.SET))


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """`boxes` are where the condition holds, `winning` where moreover some product of the offer may be had; None where
    that does not make the rule go ahead: it has a cap, a budget or a hold-out.

    `redundant` are the places of the clauses of a conjunction that the others imply. `obstacles` are products that
    nobody whom the rule meets may have: `has` or `needs`. `refused` are flags of consent that are true of none of them.
    """

    boxes: Boxes
    winning: Boxes | None
    always: bool
    redundant: tuple[int, ...]
    obstacles: tuple[tuple[str, str], ...]
    refused: tuple[str, ...]
    example: Example | None


_facts: Memory[tuple[Catalog, Rule, Facts]] = Memory(MOST_KEPT)
_by_meaning: Memory[tuple[Catalog, Facts]] = Memory(MOST_KEPT)


def choices_of(catalog: Catalog) -> Choices:
    return {Kind.PLAN: tuple(catalog.plans), Kind.ADDON: tuple(catalog.addons)}


def facts_of(catalog: Catalog, rule: Rule) -> Facts:
    """A rule that only moved in its file keeps its facts: spans are no part of what it means."""

    def make() -> tuple[Catalog, Rule, Facts]:
        key = (id(catalog), rule.condition, rule.actions, rule.split, _goes_ahead(rule))
        return (
            catalog,
            rule,
            _by_meaning.recall(key, rule.span.end - rule.span.start, lambda: (catalog, _facts_of(catalog, rule)))[1],
        )

    return _facts.recall((id(catalog), id(rule)), rule.span.end - rule.span.start, make)[2]


def forget() -> None:
    """Start afresh, as a new process does."""
    _facts.forget()
    _by_meaning.forget()


def is_contact(rule: Rule) -> bool:
    """Whether the rule meets a customer, rather than only tagging."""
    return any(isinstance(action, Offer | Say | Call) for action in actions_of(rule))


def actions_of(rule: Rule) -> tuple[Action, ...]:
    """What it does, the arms of its experiment included."""
    return (*rule.actions, *(action for arm in rule.split for action in arm.actions))


def products_of(rule: Rule) -> tuple[str, ...]:
    """All that it offers or gives with an offer, each once."""
    offers = [action for action in actions_of(rule) if isinstance(action, Offer)]
    return tuple(dict.fromkeys(one for offer in offers for one in (*offer.products, *offer.extras)))


def _goes_ahead(rule: Rule) -> bool:
    """Whether nothing but eligibility and the channels can hold a match of it."""
    limits = rule.at_most_once or rule.customers_caps or rule.budgets or rule.hold_out or rule.split
    return is_contact(rule) and not limits


def _facts_of(catalog: Catalog, rule: Rule) -> Facts:
    choices = choices_of(catalog)
    boxes = boxes_of(rule.condition, choices)
    return Facts(
        boxes,
        _winning(catalog, rule, boxes, choices),
        rule.condition != All(()) and always(rule.condition, choices).answer is Answer.PROVEN,
        tuple(_redundant(rule.condition, choices)),
        tuple(_obstacles(catalog, rule, boxes, choices)),
        tuple(flag for flag in dict.fromkeys(catalog.policies.consent.values()) if _refused(flag, boxes, choices)),
        shown_by(boxes, choices, catalog.currency) if boxes.exact else None,
    )


# --- clauses ----------------------------------------------------------------------------------------------------------


def clauses_of(condition: Condition) -> tuple[Condition, ...]:
    """The clauses that must all hold, conjunctions within conjunctions taken apart."""
    if not isinstance(condition, All):
        return (condition,)
    return tuple(clause for item in condition.items for clause in clauses_of(item))


def _redundant(condition: Condition, choices: Choices) -> Iterator[int]:
    """The clauses that the rest of them imply; of two that imply each other the later."""
    clauses = clauses_of(condition)
    if len(clauses) < 2:
        return
    parts = [boxes_of(clause, choices) for clause in clauses]
    kept = list(range(len(parts)))
    for number in reversed(range(len(parts))):
        rest = [one for one in kept if one != number]
        if rest and _implies([parts[one] for one in rest], parts[number]):
            kept = rest
            yield number


def _implies(rest: list[Boxes], part: Boxes) -> bool:
    """Only clauses that share a cell with the part can imply it."""
    cells = {cell for box in part.boxes for cell in box.regions}
    near = [one for one in rest if any(cell in cells for box in one.boxes for cell in box.regions)]
    return bool(near) and included(both(near), part).answer is Answer.PROVEN


def _refused(flag: str, boxes: Boxes, choices: Choices) -> bool:
    given = Test("is_true", Attribute(Owner.CUSTOMER, flag, DataType(Kind.FLAG)), ())
    return bool(boxes.boxes) and not both([boxes, boxes_of(given, choices)]).boxes


# --- products ---------------------------------------------------------------------------------------------------------


def may_have(catalog: Catalog, product: str) -> Condition:
    """Of whom eligibility lets the product through."""
    if product in catalog.bundles:
        return All(())
    if product in catalog.plans:
        return AnyOf((Test("not_equal", _PLAN, (product,)), Test("is_missing", _PLAN, ())))
    without = Test("not_includes", _ADDONS, (product,))
    needs = catalog.addons[product].needs
    return All((without, Test("in", _PLAN, needs))) if needs else without


def winning_condition(catalog: Catalog, rule: Rule) -> Condition | None:
    """Where the rule matches and some product of its offer may be had; None where more can hold it."""
    if not _goes_ahead(rule):
        return None
    offers = [action for action in rule.actions if isinstance(action, Offer)]
    if not offers:
        return rule.condition
    return All((rule.condition, AnyOf(tuple(may_have(catalog, product) for product in offers[0].products))))


def _winning(catalog: Catalog, rule: Rule, boxes: Boxes, choices: Choices) -> Boxes | None:
    condition = winning_condition(catalog, rule)
    if condition is None:
        return None
    return boxes if condition is rule.condition else boxes_of(condition, choices)


def _obstacles(catalog: Catalog, rule: Rule, boxes: Boxes, choices: Choices) -> Iterator[tuple[str, str]]:
    for product in products_of(rule):
        if product in catalog.bundles:
            continue
        plan = product in catalog.plans
        held = boxes_of(Test("equal", _PLAN, (product,)) if plan else Test("includes", _ADDONS, (product,)), choices)
        if included(boxes, held).answer is Answer.PROVEN:
            yield product, "has"
        elif not plan and (needs := catalog.addons[product].needs):
            supported = boxes_of(Test("in", _PLAN, needs), choices)
            if not both([boxes, supported]).boxes:
                yield product, "needs"
