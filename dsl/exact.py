"""The exact analysis: conditions as formulas for an SMT solver (z3, the extra `analysis`).

A stored value is a Bool for its presence and a variable of its own sort: whole numbers and dates (as ordinals) are
integers, other numbers reals, names and texts strings, a set one Bool an element. `not` is pushed to the clauses and a
clause is "present and it holds", so missing values mean what they mean in a rule. Time stands at a free day `today`.

What has no exact formula (full months beside dates, arithmetic with floats, what happened before) is a variable of its
own: "never" stays right, and a state that the solver finds is then no proof. A timeout is undecided.
"""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from itertools import combinations
from typing import Any

import z3

from dsl.choices import TimeUnit
from dsl.datatypes import Kind, Unit
from dsl.lint.answers import Answer, Verdict
from dsl.lint.cells import OWN_CURRENCY, Choices, negated_relation, negated_test
from dsl.typed import (
    All,
    Amount,
    AnyOf,
    Arithmetic,
    Attribute,
    Condition,
    Constant,
    CountOf,
    DecidedCount,
    Elapsed,
    Not,
    Relation,
    SegmentUse,
    SinceLast,
    SumOf,
    Term,
    Test,
    Window,
)
from dsl.typed import kind as kind_of

TIMEOUT = 2_000
"""Milliseconds for one question."""

_SCALE = 10_000
"""Amounts are whole ten-thousandths of their currency's unit, as fine as any currency is."""

_NAMES = (Kind.TEXT, Kind.ENUM, Kind.PLAN, Kind.ADDON)
_WHOLE = (Kind.COUNT, Kind.DATE, Kind.ELAPSED)
_ALWAYS_THERE = (CountOf, SumOf, DecidedCount)
_HOURS = {TimeUnit.HOURS: 1, TimeUnit.DAYS: 24, TimeUnit.WEEKS: 168}

Formula = Any
"""A z3 expression; the library has no types."""


def can_be_true(condition: Condition, choices: Choices, timeout: int = TIMEOUT) -> Verdict:
    """Is the condition true of some state? Disproven: it can never be true."""
    formulas = Formulas(choices)
    return formulas.ask(formulas.true(condition), timeout)


def implies(inner: Condition, outer: Condition, choices: Choices, timeout: int = TIMEOUT) -> Verdict:
    """Is the outer condition true wherever the inner one is?"""
    formulas = Formulas(choices)
    asked = z3.And(formulas.true(inner), z3.Not(formulas.true(outer)))
    answer = formulas.ask(asked, timeout).answer
    return Verdict({Answer.DISPROVEN: Answer.PROVEN, Answer.PROVEN: Answer.DISPROVEN}.get(answer, answer))


class Formulas:
    """Conditions over one set of variables. `faithful` is False once a variable stands for what has no formula."""

    def __init__(self, choices: Choices) -> None:
        self.choices = choices
        self.context = z3.Context()
        self.today = z3.Int("today", self.context)
        self.facts: list[Formula] = [self.today > _day(1900), self.today < _day(2200)]
        self.faithful = True
        self.made: dict[Any, tuple[Formula, Formula]] = {}

    def ask(self, formula: Formula, timeout: int) -> Verdict:
        solver = z3.Solver(ctx=self.context)
        solver.set("timeout", timeout)
        solver.add(formula, *self.facts, *self.windows())
        found = solver.check()
        if found == z3.unsat:
            return Verdict(Answer.DISPROVEN)
        return Verdict(Answer.PROVEN if found == z3.sat and self.faithful else Answer.UNDECIDED)

    # --- conditions

    def true(self, condition: Condition, *, is_negated: bool = False) -> Formula:
        """Where the condition is true; `is_negated`: where it is false, which a missing value is not."""
        match condition:
            case Test():
                return self.test(negated_test(condition) if is_negated else condition)
            case Relation():
                return self.relation(negated_relation(condition) if is_negated else condition)
            case Not(item):
                return self.true(item, is_negated=not is_negated)
            case SegmentUse(_, inner):
                return self.true(inner, is_negated=is_negated)
            case All(items) | AnyOf(items):
                parts = [self.true(item, is_negated=is_negated) for item in items]
                join = z3.Or if isinstance(condition, All) == is_negated else z3.And
                return join(*parts, self.constant(join is z3.And))

    def constant(self, value: bool) -> Formula:
        return z3.BoolVal(value, self.context)

    def relation(self, leaf: Relation) -> Formula:
        (here, left), (there, right) = self.term(leaf.left), self.term(leaf.right)
        if left.sort() != right.sort():
            left, right = (z3.ToReal(one) if one.is_int() else one for one in (left, right))
        if not isinstance(left, z3.ArithRef) and leaf.operator not in ("equal", "not_equal"):
            return self.opaque(leaf)
        return z3.And(here, there, _compared(leaf.operator, left, right))

    def test(self, leaf: Test) -> Formula:
        here, value = self.term(leaf.term)
        match leaf.operator:
            case "is_known":
                return here
            case "is_missing":
                return z3.Not(here)
            case "is_true":
                return z3.And(here, value)
            case "is_false":
                return z3.And(here, z3.Not(value))
        positive = leaf.operator.removeprefix("not_")
        meaning = self.meaning(leaf, positive, value)
        return z3.And(here, z3.Not(meaning) if positive != leaf.operator else meaning)

    def meaning(self, leaf: Test, operator: str, value: Formula) -> Formula:
        given = [self.literal(one, value) for one in leaf.operands] if kind_of(leaf.term) is not Kind.SET else []
        match operator:
            case "in":
                return z3.Or(*(value == one for one in given), self.constant(False))
            case "between":
                return z3.And(value >= given[0], value <= given[1])
            case "contains":
                return z3.Contains(value, given[0])
            case "starts_with":
                return z3.PrefixOf(given[0], value)
            case "ends_with":
                return z3.SuffixOf(given[0], value)
            case "like":
                return z3.InRe(value, self.pattern(str(leaf.operands[0])))
            case "within_next":
                return z3.And(value >= self.today, value <= self.today + given[0])
            case "within_last":
                return z3.And(value <= self.today, value >= self.today - given[0])
            case "includes":
                return self.element(leaf)
            case "equal" | "less" | "less_or_equal" | "greater" | "greater_or_equal":
                return _compared(operator, value, given[0])
        return self.opaque(("operator", leaf.term, operator, leaf.operands))

    def pattern(self, text: str) -> Formula:
        """`*` is any characters, `?` one."""
        anything = z3.AllChar(z3.ReSort(z3.StringSort(self.context)), self.context)
        parts = [z3.Re(z3.StringVal("", self.context))] * 2
        for sign in text:
            parts.append(
                z3.Star(anything) if sign == "*" else anything if sign == "?" else z3.Re(_text(sign, self.context))
            )
        return z3.Concat(*parts)

    def element(self, leaf: Test) -> Formula:
        return z3.Bool(f"{leaf.term} includes {leaf.operands[0]}", self.context)

    def opaque(self, subject: Any) -> Formula:
        """An answer of its own: the same question has the same answer."""
        self.faithful = False
        return z3.Bool(f"answer {subject}", self.context)

    def literal(self, value: Any, beside: Formula) -> Formula:
        if isinstance(value, str):
            return _text(value, self.context)
        number = Fraction(value.toordinal() if isinstance(value, dt.date) else value)
        if z3.is_int(beside) and number.denominator == 1:
            return z3.IntVal(number.numerator, self.context)
        return z3.RealVal(f"{number.numerator}/{number.denominator}", self.context)

    # --- terms

    def term(self, term: Term) -> tuple[Formula, Formula]:
        """Whether it has a value, and the value. Money is in major units."""
        if term not in self.made:
            self.made[term] = self.make(term)
        return self.made[term]

    def make(self, term: Term) -> tuple[Formula, Formula]:
        match term:
            case Attribute():
                return self.attribute(term)
            case Elapsed(Attribute() as start, unit):
                return self.elapsed(term, start, unit)
            case Amount(money, currency):
                return self.amount(money, currency)
            case Constant(value):
                return self.constant(True), self.literal(value, None)
            case Arithmetic(operator, left, right, type_) if operator != "/" and type_.kind in (Kind.MONEY, Kind.COUNT):
                return self.computed(operator, left, right)
        return self.unknown(term)

    def attribute(self, term: Attribute) -> tuple[Formula, Formula]:
        here = z3.Bool(f"{term.key} is known", self.context)
        value = self.variable(term.key, term.type.kind)
        values = term.type.values if term.type.kind is Kind.ENUM else self.choices.get(term.type.kind, ())
        if values:
            self.facts.append(z3.Or(*(value == _text(one, self.context) for one in values)))
        if term.type.kind in (Kind.NUMBER, Kind.PERCENT):
            self.faithful = False  # between two neighbouring floats lie reals, but no value
        if term.type.kind is Kind.DATE:
            self.facts.extend((value >= 1, value <= dt.date.max.toordinal()))
        return here, value

    def variable(self, name: str, kind: Kind) -> Formula:
        if kind in _NAMES:
            return z3.String(name, self.context)
        if kind in _WHOLE:
            return z3.Int(name, self.context)
        return (z3.Bool if kind in (Kind.FLAG, Kind.SET) else z3.Real)(name, self.context)

    def elapsed(self, term: Elapsed, start: Attribute, unit: Unit) -> tuple[Formula, Formula]:
        here, day = self.term(start)
        begun = z3.And(here, day <= self.today)
        if unit is Unit.DAYS:
            return begun, self.today - day
        months = z3.Int(f"months since {start.key}", self.context)
        self.faithful = False
        self.facts.append(z3.Implies(begun, z3.And(months >= 0, self.today - day >= 28 * months)))
        self.facts.append(z3.Implies(begun, self.today - day <= 31 * (months + 1)))
        return begun, months

    def amount(self, money: Attribute, currency: str | None) -> tuple[Formula, Formula]:
        here, _ = self.term(money)
        amount = z3.Int(f"{money.key} in ten-thousandths", self.context)
        billed = z3.String(f"{money.key} currency", self.context)
        self.faithful = False
        if currency is not None:
            return z3.And(here, billed == _text(currency, self.context)), z3.ToReal(amount) / _SCALE
        known, own = self.term(OWN_CURRENCY)
        return z3.And(here, known, billed == own), z3.ToReal(amount) / _SCALE

    def computed(self, operator: str, left: Term, right: Term) -> tuple[Formula, Formula]:
        (here, a), (there, b) = self.term(left), self.term(right)
        self.faithful = False
        value = a + b if operator == "+" else a - b if operator == "-" else a * b
        return z3.And(here, there), value

    def unknown(self, term: Term) -> tuple[Formula, Formula]:
        """What happened before, or a computed number: a variable."""
        self.faithful = False
        value = self.variable(f"value {term}", kind_of(term))
        if isinstance(term, CountOf | DecidedCount | SinceLast | Elapsed):
            self.facts.append(value >= 0)
        there = isinstance(term, _ALWAYS_THERE)
        return self.constant(True) if there else z3.Bool(f"known {term}", self.context), value

    def windows(self) -> list[Formula]:
        """The longer of two windows counts at least as much."""
        found = []
        counted = [(term, value) for term, (_, value) in self.made.items() if isinstance(term, CountOf | DecidedCount)]
        for (one, first), (other, second) in combinations(counted, 2):
            if _same_but_window(one, other):
                if _contains(_window(one), _window(other)):
                    found.append(first >= second)
                if _contains(_window(other), _window(one)):
                    found.append(second >= first)
        return found


def _compared(operator: str, left: Formula, right: Formula) -> Formula:
    match operator:
        case "equal":
            return left == right
        case "not_equal":
            return left != right
        case "less":
            return left < right
        case "less_or_equal":
            return left <= right
        case "greater":
            return left > right
    return left >= right


def _text(value: str, context: Any) -> Formula:
    """A text constant; the solver reads characters beyond ASCII, and the backslash, by their numbers."""
    return z3.StringVal(
        "".join(one if " " <= one <= "~" and one != "\\" else f"\\u{{{ord(one):x}}}" for one in value), context
    )


def _day(year: int) -> int:
    return dt.date(year, 1, 1).toordinal()


def _window(term: CountOf | DecidedCount) -> Window | None:
    return term.events.window if isinstance(term, CountOf) else term.window


def _same_but_window(one: CountOf | DecidedCount, other: CountOf | DecidedCount) -> bool:
    if isinstance(one, CountOf) and isinstance(other, CountOf):
        return (one.events.moment, one.events.where) == (other.events.moment, other.events.where)
    if isinstance(one, DecidedCount) and isinstance(other, DecidedCount):
        return (one.verb, one.product) == (other.verb, other.product)
    return False


def _contains(longer: Window | None, shorter: Window | None) -> bool:
    if longer is None or shorter is None:
        return longer is None
    if longer.unit in _HOURS and shorter.unit in _HOURS:
        return longer.count * _HOURS[longer.unit] >= shorter.count * _HOURS[shorter.unit]
    return longer.unit == shorter.unit and longer.count >= shorter.count
