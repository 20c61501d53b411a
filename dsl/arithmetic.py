"""Values that are computed: `mrr * 12`, `80% of quota of storage`, `(seats + 1) * $5`.

Every value is a quantity: a constant that is folded exactly, or a term. Numbers and whole numbers calculate with each
other; money adds to money of one currency, is multiplied and divided by numbers, and money by money is a number.
Nothing is converted: whatever else is tried is refused with what was probably meant.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal, localcontext

from dsl import check_errors as errors
from dsl import syntax
from dsl.catalog_shapes import dollar
from dsl.check_errors import Wrong
from dsl.currencies import EXPONENTS
from dsl.datatypes import DataType, Kind
from dsl.leaves import Leaves
from dsl.names import Scope, Subject, full_word
from dsl.printer import number
from dsl.source import Span
from dsl.syntax import NOWHERE
from dsl.terms import currency_of
from dsl.typed import Amount, Arithmetic, Attribute, Constant, Elapsed, SumOf, Term

NUMBER = DataType(Kind.NUMBER)
_NUMBERS = (Kind.NUMBER, Kind.COUNT)
_COMPUTED = (*_NUMBERS, Kind.MONEY, Kind.PERCENT)
# Digits of folded constants: more than any number of the language has.
_PRECISION = 40


@dataclass(frozen=True, slots=True)
class Quantity:
    """A constant (`term` is None) or a term. `currency` is the one that its money is asked in; None: the own."""

    type: DataType
    term: Term | None = None
    constant: Decimal = Decimal(0)
    currency: str | None = None
    span: Span = NOWHERE


def is_constant(expression: syntax.Expression) -> bool:
    """Whether it is made of literals only."""
    match expression:
        case syntax.Negative(value) | syntax.ShareOf(_, value):
            return is_constant(value)
        case syntax.Arithmetic(left, _, right):
            return is_constant(left) and is_constant(right)
    return isinstance(
        expression,
        syntax.Text | syntax.Number | syntax.Percent | syntax.Money | syntax.Date | syntax.Duration,
    )


def reduced(leaves: Leaves, expression: syntax.Expression) -> syntax.Expression:
    """Constant arithmetic as the one literal that it comes to: `10 * 12` is 120."""
    if not is_constant(expression) or not isinstance(expression, syntax.Negative | syntax.ShareOf | syntax.Arithmetic):
        return expression
    found = quantity(leaves, expression)
    match found.type.kind:
        case Kind.MONEY:
            return syntax.Money(found.constant, found.currency, expression.span)
        case Kind.PERCENT:
            return syntax.Percent(found.constant, expression.span)
    return syntax.Number(found.constant, expression.span)


def computed(leaves: Leaves, expression: syntax.Expression) -> Subject:
    """The subject that arithmetic makes; some value in it depends on the customer. Raises Wrong."""
    found = quantity(leaves, expression)
    if found.term is None:
        raise Wrong(errors.two_values(expression.span))
    return Subject(found.term, found.type, leaves.words(expression.span), found.currency)


def quantity(leaves: Leaves, expression: syntax.Expression) -> Quantity:
    match expression:
        case syntax.Number(value):
            return Quantity(NUMBER, constant=value, span=expression.span)
        case syntax.Money(amount):
            code = currency_code(leaves.scope, expression)
            return Quantity(DataType(Kind.MONEY), constant=amount, currency=code, span=expression.span)
        case syntax.Percent(value):
            return Quantity(DataType(Kind.PERCENT), constant=value, span=expression.span)
        case syntax.Negative(value):
            zero = Quantity(quantity(leaves, value).type, span=expression.span)
            return _calculated(leaves, zero, "-", quantity(leaves, value), expression)
        case syntax.ShareOf(percent, of):
            part = Quantity(NUMBER, constant=percent.value / 100, span=percent.span)
            return _calculated(leaves, part, "*", quantity(leaves, of), expression)
        case syntax.Arithmetic(left, operator, right):
            return _calculated(leaves, quantity(leaves, left), operator, quantity(leaves, right), expression)
        case syntax.Text() | syntax.Date() | syntax.Duration():
            told = f"{leaves.words(expression.span)} is {errors.literal(expression)}"
            raise Wrong(errors.not_computed(expression.span, told, None))
    return _of(leaves, leaves.subject(expression), expression)


def _of(leaves: Leaves, subject: Subject, expression: syntax.Expression) -> Quantity:
    """A quantity that is stored or looked up."""
    kind = subject.type.kind
    if kind not in _COMPUTED:
        instead = None
        if isinstance(subject.term, Elapsed):
            instead = f"compare {subject.word} with a length of time, such as {subject.word} > 12 months"
        elif kind is Kind.DATE:
            instead = f"{subject.word} within 7 days, or {subject.word} more than 7 days ago"
        raise Wrong(errors.not_computed(expression.span, f"{subject.word} is {errors.kind_of(subject.type)}", instead))
    term = asked_in(subject.term, None) if kind is Kind.MONEY else subject.term
    return Quantity(subject.type, term, currency=currency_of(term), span=expression.span)


# --- calculating ------------------------------------------------------------------------------------------------------


def _calculated(leaves: Leaves, left: Quantity, operator: str, right: Quantity, node: syntax.Expression) -> Quantity:
    type_ = _type(leaves, left, operator, right)
    if operator == "/" and right.term is None and right.constant == 0:
        raise Wrong(errors.division_by_zero(right.span))
    currency = left.currency or right.currency
    if left.currency and right.currency and left.currency != right.currency:
        raise Wrong(errors.mixed_currencies(right.span))
    if left.term is None and right.term is None:
        value = _operate(left.constant, operator, right.constant)
        return Quantity(type_, None, value, currency if type_.kind is Kind.MONEY else None, node.span)
    exact = Kind.MONEY in (left.type.kind, right.type.kind) or type_.kind is Kind.PERCENT
    left_term, right_term = (_term(one, currency, exact=exact) for one in (left, right))
    term = Arithmetic(operator, left_term, right_term, type_)
    return Quantity(type_, term, currency=currency if type_.kind is Kind.MONEY else None, span=node.span)


def _operate(left: Decimal, operator: str, right: Decimal) -> Decimal:
    with localcontext() as context:
        context.prec = _PRECISION
        match operator:
            case "+":
                return left + right
            case "-":
                return left - right
            case "*":
                return left * right
        return left / right


def _term(one: Quantity, currency: str | None, *, exact: bool) -> Term:
    if one.term is not None:
        return asked_in(one.term, currency) if currency else one.term
    whole = one.constant == one.constant.to_integral_value() and one.type.kind in _NUMBERS
    return Constant(int(one.constant) if whole else one.constant if exact else float(one.constant))


def _type(leaves: Leaves, left: Quantity, operator: str, right: Quantity) -> DataType:
    """The result's type. Raises Wrong where two types do not calculate."""
    kinds = tuple(Kind.NUMBER if one.type.kind in _NUMBERS else one.type.kind for one in (left, right))
    match kinds, operator:
        case (Kind.NUMBER, Kind.NUMBER), _:
            return NUMBER
        case (Kind.MONEY, Kind.MONEY), "/":
            return NUMBER
        case (same, other), "+" | "-" if same is other:
            return DataType(same)
        case (Kind.MONEY | Kind.PERCENT as kind, Kind.NUMBER), "*" | "/":
            return DataType(kind)
        case (Kind.NUMBER, Kind.MONEY | Kind.PERCENT as kind), "*":
            return DataType(kind)
    raise Wrong(_refusal(leaves, left, operator, right))


def _refusal(leaves: Leaves, left: Quantity, operator: str, right: Quantity) -> errors.Finding:
    shown = [leaves.text(one.span) for one in (left, right)]
    span = left.span.to(right.span)
    instead = None
    for one, other, text in ((left, right, shown[1]), (right, left, shown[0])):
        if one.type.kind is Kind.PERCENT and one.term is None and other.type.kind is not Kind.PERCENT:
            instead = f"{leaves.text(one.span)} of {text}"
            if operator in "+-":
                instead = f"{number(1 + one.constant / 100 * (1 if operator == '+' else -1))} * {text}"
        elif one.type.kind is Kind.NUMBER and one.term is None and other.type.kind is Kind.MONEY and operator in "+-":
            instead = f"an amount with its currency, such as ${number(one.constant)}"
    told = [errors.kind_of(one.type) for one in (left, right)]
    return errors.not_calculated(span, told[0], operator, told[1], instead)


# --- currencies -------------------------------------------------------------------------------------------------------


def asked_in(term: Term, currency: str | None) -> Term:
    """Money asked in a currency; where it is asked in another already it stays so. None: the subscription's own."""
    match term:
        case Attribute(type=type_) if type_.kind is Kind.MONEY:
            return Amount(term, currency)
        case Amount(_, None) | SumOf(currency=None) if currency and _is_money(term):
            return replace(term, currency=currency)
        case Arithmetic(left=left, right=right):
            return replace(term, left=asked_in(left, currency), right=asked_in(right, currency))
    return term


def _is_money(term: Amount | SumOf) -> bool:
    return isinstance(term, Amount) or term.property.type.kind is Kind.MONEY


def currency_code(scope: Scope, money: syntax.Money) -> str:
    """The currency of an amount, noted where no plan is priced in it. Raises Wrong for none of ISO 4217."""
    code = money.currency or dollar(scope.catalog.currency)
    if code not in EXPONENTS:
        raise Wrong(errors.unknown_currency(money.span, code, EXPONENTS))
    priced = scope.priced_in()
    if priced and code not in priced:
        finding = errors.other_currency(currency_span(money), priced, code)
        if finding not in scope.notes:
            scope.notes.append(finding)
    return code


def currency_span(money: syntax.Money) -> Span:
    """The letters of `50 EUR`; the whole of `$50`."""
    return money.span if money.currency is None else Span(money.span.end - 3, money.span.end)


def refuse_bare(scope: Scope, name: syntax.Name, type_: DataType) -> None:
    """A word on the value side that would be an attribute on the left is never taken for one."""
    found = scope.find(name) if name.prefix is None else None
    if found is not None:
        raise Wrong(errors.attribute_as_value(name.span, found.word, errors.kind_of(type_), full_word(found)))
