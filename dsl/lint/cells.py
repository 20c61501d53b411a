"""Clauses as regions of cells: the one place that knows what each term and operator of the language constrains."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache

from dsl.catalog import BUILT_IN, Owner
from dsl.datatypes import Kind
from dsl.lint.regions import COMPARING, KINDS_IN_ORDER, Aspect, Cell, Domain, Region, named, region, span
from dsl.operators import OPERATORS
from dsl.typed import (
    Amount,
    Arithmetic,
    Attribute,
    CountOf,
    DecidedCount,
    Elapsed,
    Relation,
    SinceLast,
    SumOf,
    Term,
    Test,
)
from dsl.typed import kind as kind_of

Choices = Mapping[Kind, Collection[str]]
"""The values of plans and add-ons."""

Leaf = Test | Relation
Regions = Mapping[Cell, Region]

OWN_CURRENCY = Attribute(Owner.SUBSCRIPTION, "currency", BUILT_IN[Owner.SUBSCRIPTION]["currency"])
"""What an amount without a currency is counted in."""

_HERE, _NOT_HERE = Region(False, (True,)), Region(False, (False,))
_FLAG = Domain(values=(False, True))
_WHOLE = Domain(ordered=True, whole=True)
_NEVER_MISSING = (CountOf, SumOf, DecidedCount)
_FROM_ZERO = (Elapsed, CountOf, DecidedCount, SinceLast)


def negated(leaf: Leaf) -> Leaf:
    """The clause that holds where this one is false: neither holds of a missing value."""
    return negated_relation(leaf) if isinstance(leaf, Relation) else negated_test(leaf)


def negated_test(test: Test) -> Test:
    return Test(OPERATORS[test.operator].negation, test.term, test.operands, test.text, test.span)


def negated_relation(leaf: Relation) -> Relation:
    return Relation(OPERATORS[leaf.operator].negation, leaf.left, leaf.right, leaf.text, leaf.span)


def constraints(leaf: Leaf, choices: Choices) -> Regions:
    """The cells that the clause speaks of, each with the values under which it may hold.

    It holds exactly where every one of them does, as far as cells can tell.
    """
    if isinstance(leaf, Relation):
        return {_order(leaf): named(_ORDERS, _RELATED[leaf.operator], holds=True), **_present(leaf.left, leaf.right)}
    match leaf.operator:
        case "is_known":
            return _known(leaf.term, choices)
        case "is_missing":
            return _missing(leaf.term, choices)
    return {**_asked(leaf, choices), **_present(leaf.term)}


# --- presence ---------------------------------------------------------------------------------------------------------


def _known(term: Term, choices: Choices) -> Regions:
    if isinstance(term, (Attribute, *_NEVER_MISSING)):
        return _present(term)
    cell = value_cell(term, choices)
    everything = cell.everything
    return {cell: Region(everything.inside, everything.toggles), **_present(term)}


def _missing(term: Term, choices: Choices) -> Regions:
    if isinstance(term, Attribute):
        return {presence(term): _NOT_HERE}
    return {value_cell(term, choices): Region(False, (), not isinstance(term, _NEVER_MISSING))}


@lru_cache(maxsize=4096)
def cell_of(aspect: Aspect, subject: object, domain: Domain) -> Cell:
    """The cell: one and the same object for the same question, as long as it is asked often."""
    return Cell(aspect, subject, domain)


def presence(attribute: Attribute) -> Cell:
    return cell_of(Aspect.PRESENCE, attribute.key, _FLAG)


def _present(*terms: Term) -> dict[Cell, Region]:
    """What must be there for the terms to have a value."""
    return {presence(one): _HERE for term in terms for one in stored(term)} | {
        cell_of(Aspect.CURRENCY, one.money.key, Domain()): Region(False, (one.currency,))
        for term in terms
        if isinstance(one := term, Amount) and one.currency is not None
    }


def stored(term: Term) -> Iterator[Attribute]:
    """The stored values without which the term is missing."""
    match term:
        case Attribute():
            yield term
        case Elapsed(Attribute() as start):
            yield start
        case Amount(money, currency):
            yield money
            if currency is None:
                yield OWN_CURRENCY
        case Arithmetic(_, left, right):
            yield from stored(left)
            yield from stored(right)


# --- values -----------------------------------------------------------------------------------------------------------

_WITHIN = {
    "within_next": (-1, 0),
    "not_within_next": (-1, 0),
    "within_last": (0, 1),
    "not_within_last": (0, 1),
}
_ORDERS = Domain(values=("less", "equal", "greater"))
_RELATED = {
    "equal": ("equal",),
    "not_equal": ("less", "greater"),
    "less": ("less",),
    "less_or_equal": ("less", "equal"),
    "greater": ("greater",),
    "greater_or_equal": ("greater", "equal"),
}


def value_cell(term: Term, choices: Choices) -> Cell:
    kind = kind_of(term)
    missing = not isinstance(term, (Attribute, *_NEVER_MISSING))
    if kind in KINDS_IN_ORDER:
        whole = KINDS_IN_ORDER[kind] and not isinstance(term, Arithmetic)
        least = 0 if isinstance(term, _FROM_ZERO) else None
        return cell_of(Aspect.VALUE, term, Domain(True, (), whole, least, missing))
    if kind is Kind.FLAG:
        return cell_of(Aspect.VALUE, term, _FLAG)
    values = choices.get(kind, ()) if kind in (Kind.PLAN, Kind.ADDON) else ()
    if isinstance(term, Attribute) and kind is Kind.ENUM:
        values = term.type.values
    return cell_of(Aspect.VALUE, term, Domain(values=tuple(values), may_be_missing=missing))


def _asked(test: Test, choices: Choices) -> Regions:
    operator, term = test.operator, test.term
    holds = not operator.startswith("not_")
    positive = operator if holds else OPERATORS[operator].negation
    if operator in _WITHIN:
        return {_age(term): _in_days(test, holds=holds)}
    if positive == "includes" and isinstance(term, Attribute):
        return {cell_of(Aspect.ELEMENT, (term.key, test.operands[0]), _FLAG): Region(False, (holds,))}
    cell = value_cell(term, choices)
    if operator in ("is_true", "is_false"):
        return {cell: Region(False, (operator == "is_true",))}
    if COMPARING & {operator, OPERATORS[operator].negation}:
        return {cell: region(cell.domain, operator, test.operands)}
    return {cell_of(Aspect.PATTERN, (term, positive, test.operands), _FLAG): Region(False, (holds,))}


def _age(term: Term) -> Cell:
    return cell_of(Aspect.AGE, term, Domain(True, (), True, None, not isinstance(term, Attribute)))


def _in_days(test: Test, *, holds: bool) -> Region:
    days, (before, after) = int(str(test.operands[0])), _WITHIN[test.operator]
    found = span((before * days, 0), (after * days + 1, 0))
    return found if holds else Region(not found.inside, found.toggles)


def _order(leaf: Relation) -> Cell:
    return cell_of(Aspect.ORDER, (leaf.left, leaf.right), Domain(values=_ORDERS.values, may_be_missing=True))
