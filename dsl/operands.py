"""The value side of a test: a literal or a bare word, read in the type of the other side and in no other.

`Operand` is what the test will compare with; for an elapsed time it settles the unit, for money the currency, so it
also says which term the test reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from dsl import check_errors as errors
from dsl import syntax
from dsl.arithmetic import asked_in, currency_code, refuse_bare
from dsl.arithmetic import is_constant as is_constant
from dsl.check_errors import Wrong
from dsl.choices import TimeUnit
from dsl.datatypes import Kind, Unit, Value
from dsl.names import Scope, Subject
from dsl.printer import counted, number, term_name
from dsl.source import normalised
from dsl.terms import currency_of
from dsl.typed import Elapsed, LastOf, Term, UsageOf

MOST_COUNT = 2**53
MOST_YEARS = 100

_MONTHS = {Unit.MONTHS: 1, Unit.YEARS: 12}
_DAYS = {Unit.DAYS: 1, Unit.WEEKS: 7}


@dataclass(frozen=True, slots=True)
class Operand:
    term: Term
    value: Value


def operand(scope: Scope, subject: Subject, expression: syntax.Expression) -> Operand:
    """The constant that `expression` is beside `subject`. Raises Wrong where it is none of its type."""
    if isinstance(expression, syntax.Name) and expression.prefix is not None:
        scope.subject(expression)
        raise Wrong(errors.value_needed(expression.span))
    return _READERS[subject.type.kind](scope, subject, folded(expression))


def folded(expression: syntax.Expression) -> syntax.Expression:
    """`-5` as the number that it is."""
    if isinstance(expression, syntax.Negative):
        inner = folded(expression.value)
        if isinstance(inner, syntax.Number):
            return syntax.Number(-inner.value, expression.span)
        if isinstance(inner, syntax.Money):
            return syntax.Money(-inner.amount, inner.currency, expression.span)
        if isinstance(inner, syntax.Percent):
            return syntax.Percent(-inner.value, expression.span)
    return expression


# --- one reader a kind ------------------------------------------------------------------------------------------------


def _text(scope: Scope, subject: Subject, expression: syntax.Expression) -> Operand:
    match expression:
        case syntax.Text(value):
            return Operand(subject.term, normalised(value))
        case syntax.Name():
            refuse_bare(scope, expression, subject.type)
            raise Wrong(errors.needs_quotes(expression.span, subject.word, expression.written or expression.text))
    raise _mismatch(scope, subject, expression)


def _number(scope: Scope, subject: Subject, expression: syntax.Expression) -> Operand:
    if isinstance(expression, syntax.Number):
        _bounded(expression)
        return Operand(subject.term, float(expression.value))
    if isinstance(expression, syntax.Percent) and isinstance(subject.term, UsageOf):
        instead = f"{number(expression.value)}% of quota of {subject.term.meter}"
        raise Wrong(errors.type_mismatch(expression.span, subject.word, "a number", "a percentage", instead))
    raise _mismatch(scope, subject, expression, _bare_number(expression))


def _count(scope: Scope, subject: Subject, expression: syntax.Expression) -> Operand:
    if isinstance(expression, syntax.Number):
        _bounded(expression)
        return Operand(subject.term, _whole(expression.value, expression, subject.word, "numbers"))
    raise _mismatch(scope, subject, expression, _bare_number(expression))


def _bare_number(expression: syntax.Expression) -> str | None:
    """The number in money, or in quotes."""
    match expression:
        case syntax.Money(amount):
            return number(amount)
        case syntax.Text(value) if value.isdecimal():
            return value
    return None


def _percent(scope: Scope, subject: Subject, expression: syntax.Expression) -> Operand:
    match expression:
        case syntax.Percent(value):
            return Operand(subject.term, value)
        case syntax.Number(value):
            percentage = number(value * 100 if 0 < value < 1 else value)
            raise Wrong(errors.not_a_percentage(expression.span, subject.word, percentage))
    raise _mismatch(scope, subject, expression)


def _date(scope: Scope, subject: Subject, expression: syntax.Expression) -> Operand:
    match expression:
        case syntax.Date(value):
            return Operand(subject.term, value)
        case syntax.Duration(count, unit) if isinstance(subject.term, LastOf):
            instead = f"{subject.word} more than {counted(count, unit)} ago"
            raise Wrong(errors.type_mismatch(expression.span, subject.word, "a date", "a length of time", instead))
        case syntax.Duration(count, unit):
            instead = f"{subject.word} within {counted(count, unit)}"
            raise Wrong(errors.type_mismatch(expression.span, subject.word, "a date", "a length of time", instead))
        case syntax.Text():
            told = "text"
            raise Wrong(errors.type_mismatch(expression.span, subject.word, "a date", told, "such as 2026-03-15"))
    raise _mismatch(scope, subject, expression, f"a date such as 2026-03-15, or {subject.word} within last 7 days")


def _elapsed(scope: Scope, subject: Subject, expression: syntax.Expression) -> Operand:
    term, declared = subject.term, subject.type.unit
    if not isinstance(term, Elapsed) or declared is None:
        raise TypeError(f"{subject.word} is elapsed and its term is not")
    match expression:
        case syntax.Number(value):
            count = _whole(value, expression, subject.word, declared)
            return _elapsed_in(term, count, declared, subject, expression)
        case syntax.Duration(count, TimeUnit.HOURS):
            raise Wrong(errors.hours_of_days(expression.span, subject.word))
        case syntax.Duration(count, unit):
            return _elapsed_in(term, count, Unit(unit), subject, expression)
        case syntax.Money(amount):
            instead = f"{amount.normalize():f} {declared}"
            raise Wrong(errors.elapsed_with(expression.span, subject.word, "money", instead))
        case syntax.Percent(value):
            raise Wrong(
                errors.elapsed_with(expression.span, subject.word, "a percentage", f"{value.normalize():f} {declared}")
            )
        case syntax.Date(value):
            instead = f"{term_name(term.start)} before {value}"
            raise Wrong(errors.elapsed_with(expression.span, subject.word, "a date", instead))
        case syntax.Text(value):
            instead = f"{value} {declared}" if value.isdecimal() else f"such as 12 {declared}"
            raise Wrong(errors.elapsed_with(expression.span, subject.word, "text", instead))
    raise _mismatch(scope, subject, expression)


def _elapsed_in(term: Elapsed, count: int, unit: Unit, subject: Subject, expression: syntax.Expression) -> Operand:
    if count < 0:
        raise Wrong(errors.negative_elapsed(expression.span, subject.word))
    whole, value = whole_units(count, unit, expression)
    return Operand(Elapsed(term.start, whole, term.name), value)


def whole_units(count: int, unit: Unit, expression: syntax.Expression) -> tuple[Unit, int]:
    """A time in days or in months: a week is 7 days, a year 12 months. Raises Wrong beyond 100 years."""
    if unit in _MONTHS:
        whole, value, most = Unit.MONTHS, count * _MONTHS[unit], MOST_YEARS * 12
    else:
        whole, value, most = Unit.DAYS, count * _DAYS[unit], MOST_YEARS * 366
    if value > most:
        raise Wrong(errors.too_long_ago(expression.span))
    return whole, value


def _money(scope: Scope, subject: Subject, expression: syntax.Expression) -> Operand:
    match expression:
        case syntax.Money(amount):
            code = currency_code(scope, expression)
            term = asked_in(subject.term, code)
            if (subject.currency or currency_of(term)) != code:
                raise Wrong(errors.mixed_currencies(expression.span))
            return Operand(term, amount)
        case syntax.Number(value):
            _bounded(expression)
            return Operand(asked_in(subject.term, None), value)
    raise _mismatch(scope, subject, expression)


def _enum(scope: Scope, subject: Subject, expression: syntax.Expression) -> Operand:
    match expression:
        case syntax.Name():
            written = expression.written or expression.text
            if expression.text not in {value.lower() for value in subject.type.values}:
                refuse_bare(scope, expression, subject.type)
            return Operand(subject.term, choice(subject, written, expression, bare=True))
        case syntax.Text(value):
            return Operand(subject.term, choice(subject, value, expression, bare=False))
    raise _mismatch(scope, subject, expression)


def choice(subject: Subject, written: str, expression: syntax.Expression, *, bare: bool) -> str:
    """One of the type's values: exactly as declared, or a bare word that is one of them but for capitals."""
    values, written = subject.type.values, normalised(written)
    if written in values:
        return written
    alike = [value for value in values if value.lower() == written.lower()]
    if bare and len(alike) == 1:
        return alike[0]
    raise Wrong(errors.not_one_of(expression.span, written, subject.word, values))


def _product(
    what: str, known: Callable[[Scope], Mapping[str, object]]
) -> Callable[[Scope, Subject, syntax.Expression], Operand]:
    def read(scope: Scope, subject: Subject, expression: syntax.Expression) -> Operand:
        match expression:
            case syntax.Name(text):
                word, written = text, expression.written or text
            case syntax.Text(value):
                word, written = value.lower(), value
            case _:
                raise _mismatch(scope, subject, expression)
        if word not in known(scope):
            if isinstance(expression, syntax.Name):
                refuse_bare(scope, expression, subject.type)
            raise Wrong(errors.unknown_of_kind(expression.span, written, what, list(known(scope))))
        return Operand(subject.term, word)

    return read


def _flag(scope: Scope, subject: Subject, expression: syntax.Expression) -> Operand:
    if isinstance(expression, syntax.Name) and expression.text in ("true", "false"):
        return Operand(subject.term, expression.text == "true")
    raise Wrong(errors.flag_value(expression.span, subject.word))


def _set(scope: Scope, subject: Subject, expression: syntax.Expression) -> Operand:
    raise Wrong(
        errors.operator_not_for(expression.span, subject.word, "a set", "a comparison", f"{subject.word} includes ...")
    )


_READERS: Mapping[Kind, Callable[[Scope, Subject, syntax.Expression], Operand]] = {
    Kind.TEXT: _text,
    Kind.NUMBER: _number,
    Kind.COUNT: _count,
    Kind.FLAG: _flag,
    Kind.ENUM: _enum,
    Kind.SET: _set,
    Kind.DATE: _date,
    Kind.ELAPSED: _elapsed,
    Kind.MONEY: _money,
    Kind.PERCENT: _percent,
    Kind.PLAN: _product("plan", lambda scope: scope.catalog.plans),
    Kind.ADDON: _product("add-on", lambda scope: scope.catalog.addons),
}

# --- what they share --------------------------------------------------------------------------------------------------


def _whole(value: Decimal, expression: syntax.Expression, word: str, unit: str) -> int:
    if value != value.to_integral_value():
        raise Wrong(errors.not_whole(expression.span, word, unit))
    return int(value)


def _bounded(literal: syntax.Number) -> None:
    if abs(literal.value) > MOST_COUNT:
        raise Wrong(errors.too_large(literal.span))


def _mismatch(scope: Scope, subject: Subject, expression: syntax.Expression, instead: str | None = None) -> Wrong:
    """Why a value of one type cannot stand beside a subject of another."""
    if isinstance(expression, syntax.Name):
        refuse_bare(scope, expression, subject.type)
        told = f"the word {expression.written or expression.text}"
    else:
        told = errors.literal(expression)
    return Wrong(errors.type_mismatch(expression.span, subject.word, errors.kind_of(subject.type), told, instead))
