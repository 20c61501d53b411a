"""From what the grammar recognised to nodes of the tree: one method a rule of `grammar.lark`, called as it is reduced.

A method receives the parts of its rule in order: nodes, and tokens (None where the grammar's `[...]` was left out).
What is well formed but cannot be meant (a date that does not exist, two prices) raises `Refused` on the spot, so that
the first mistake in reading order is the one that is reported.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

from lark import Token

from dsl import literals, syntax
from dsl import parse_errors as errors
from dsl.choices import HistoryVerb, Purpose
from dsl.currencies import EXPONENTS
from dsl.parse_errors import Refused
from dsl.source import Source, Span

# The longest list of values after `in`.
MAX_LIST = 1_000

_CONDITIONS = frozenset(get_args(syntax.Condition))
_COMPARATORS = {
    "=": "equal",
    "!=": "not_equal",
    "<": "less",
    "<=": "less_or_equal",
    ">": "greater",
    ">=": "greater_or_equal",
}
_CLAUSES = {
    syntax.Via: "via",
    syntax.As: "as",
    syntax.Priority: "priority",
    syntax.Worth: "worth",
    syntax.From: "from",
    syntax.Until: "until",
    syntax.AtMostOnce: "at most once",
    syntax.AtMostCustomers: "at most ... customers",
    syntax.Budget: "budget",
    syntax.HoldOut: "hold out",
    syntax.Expires: "expires after",
    syntax.Goal: "goal",
    syntax.CatchUp: "catch up",
}

Parts = list[Any]


@dataclass(frozen=True, slots=True)
class _Placed:
    """A node and the place that it takes in the text, which is more than its own: its parentheses belong to it."""

    node: Any
    span: Span


def currency_or_name(token: Token) -> Token:
    """Lexer callback: three letters after a number are a currency only if there is one of that name."""
    if token.upper() not in EXPONENTS:
        token.type = "NAME"
    return token


class Builder(threading.local):
    """Builds the nodes of one declaration at a time in each thread: `begin`, then run the parser.

    `base` is the offset of the declaration in its source; the parser's own offsets begin at 0.
    """

    def __init__(self) -> None:
        self.source = Source("", "")
        self.base = 0

    def begin(self, source: Source, base: int) -> None:
        self.source = source
        self.base = base

    # --- places and kinds --------------------------------------------------------------------------------------------

    def _span(self, token: Token) -> Span:
        start = self.base + token.start_pos  # type: ignore[operator]
        return Span(start, start + len(token))

    def _over(self, first: Any, last: Any) -> Span:
        """From the beginning of one token or node to the end of another."""
        start = self.base + first.start_pos if type(first) is Token else first.span.start  # type: ignore[operator]
        end = self.base + last.end_pos if type(last) is Token else last.span.end  # type: ignore[operator]
        return Span(start, end)

    def _name(self, token: Token) -> syntax.Name:
        prefix, dot, text = token.lower().rpartition(".")
        return syntax.Name(text, prefix if dot else None, str(token), self._span(token))

    def _names(self, tokens: Sequence[Token]) -> tuple[syntax.Name, ...]:
        return tuple(self._name(token) for token in tokens)

    def _value(self, part: Any) -> syntax.Expression:
        node = part.node if type(part) is _Placed else part
        if type(node) in _CONDITIONS:
            raise Refused(errors.condition_as_value(self.source, part.span))
        return node  # type: ignore[no-any-return]

    def _condition(self, part: Any) -> syntax.Condition:
        node = part.node if type(part) is _Placed else part
        return node if type(node) in _CONDITIONS else syntax.Truth(node, node.span)

    def _percent(self, token: Token) -> syntax.Percent:
        return literals.percent(self.source, self._span(token), token)

    def _date(self, token: Token) -> syntax.Date:
        return literals.date(self.source, self._span(token), token)

    def _whole(self, token: Token) -> int:
        return literals.whole(self.source, self._span(token), token)

    # --- declarations ------------------------------------------------------------------------------------------------

    def rule(self, parts: Parts) -> syntax.Rule:
        header, on, moments, condition, actions, clauses, split = parts
        start = self._over(header or on, on).start
        last = split or (clauses or actions or (condition,))[-1] or moments[-1]
        if not actions and not split:
            raise Refused(errors.rule_does_nothing(self.source, Span(last.span.end, last.span.end)))
        self._refuse_repeated(clauses)
        name, was, title = (header.name, header.was, header.title) if header else (None, None, None)
        where = None if condition is None else self._condition(condition)
        span = Span(start, last.span.end)
        return syntax.Rule(name, was, title, moments, where, actions, clauses, split, span)

    def _refuse_repeated(self, clauses: tuple[syntax.Clause, ...]) -> None:
        seen = set()
        for clause in clauses:
            key = (type(clause), *_kept_apart(clause))
            if key in seen:
                raise Refused(errors.repeated_clause(self.source, clause.span, _CLAUSES[type(clause)]))
            seen.add(key)

    def header(self, parts: Parts) -> _Header:
        rule, name, _, was, title = parts
        return _Header(
            self._name(name),
            self._name(was) if was else None,
            self.text([title]) if title else None,
            self._over(rule, title or was or name),
        )

    def moments(self, parts: Parts) -> tuple[syntax.Moment, ...]:
        return tuple(parts)

    def actions(self, parts: Parts) -> tuple[syntax.Action, ...]:
        return tuple(parts)

    def clauses(self, parts: Parts) -> tuple[syntax.Clause, ...]:
        return tuple(parts)

    def segment(self, parts: Parts) -> syntax.Segment:
        first, name, condition = parts
        return syntax.Segment(self._name(name), self._condition(condition), self._over(first, condition))

    def test(self, parts: Parts) -> syntax.Test:
        first, title, facts, _, moment, _, at, expect = parts
        date = self._date(at) if at else None
        return syntax.Test(self.text([title]), facts, moment, date, expect, self._over(first, expect[-1]))

    # --- moments -----------------------------------------------------------------------------------------------------

    def moment(self, parts: Parts) -> syntax.Moment:
        if len(parts) == 1:
            return syntax.Moment(parts[0], None, parts[0].span)
        duration, side, target = parts
        offset = syntax.Offset(duration, side.type == "BEFORE", self._over(duration, side))
        return syntax.Moment(target, offset, self._over(duration, target))

    def name(self, parts: Parts) -> syntax.Name:
        return self._name(parts[0])

    def date(self, parts: Parts) -> syntax.Date:
        return self._date(parts[0])

    # --- conditions --------------------------------------------------------------------------------------------------

    def any_of(self, parts: Parts) -> syntax.Or:
        return syntax.Or(tuple(map(self._condition, parts)), self._over(parts[0], parts[-1]))

    def all_of(self, parts: Parts) -> syntax.And:
        return syntax.And(tuple(map(self._condition, parts)), self._over(parts[0], parts[-1]))

    def negation(self, parts: Parts) -> syntax.Not:
        return syntax.Not(self._condition(parts[1]), self._over(*parts))

    def comparison(self, parts: Parts) -> syntax.Comparison | syntax.ChainedComparison:
        span = self._over(parts[0], parts[-1])
        operands = tuple(map(self._value, parts[::2]))
        if len(operands) == 2:
            return syntax.Comparison(operands[0], parts[1], operands[1], span)
        return syntax.ChainedComparison(operands, tuple(parts[1::2]), span)

    def comparator(self, parts: Parts) -> syntax.Comparator:
        tokens = [part for part in parts if part]
        last = tokens[-1]
        name = _COMPARATORS.get(last) or {"IS": "equal", "NOT": "not_equal"}.get(last.type) or last.lower()
        span = self._over(tokens[0], last)
        return syntax.Comparator(name, self.source.slice(span), span)

    date_comparator = comparator

    def membership(self, parts: Parts) -> syntax.In:
        value, _, negated, options = parts
        return syntax.In(self._value(value), options.node, bool(negated), self._over(value, options))

    def list(self, parts: Parts) -> _Placed:
        span = self._over(parts[0], parts[-1])
        if len(parts) - 2 > MAX_LIST:
            raise Refused(errors.list_too_long(self.source, span, MAX_LIST))
        return _Placed(tuple(map(self._value, parts[1:-1])), span)

    def between(self, parts: Parts) -> syntax.Between:
        value, _, negated, low, high = parts
        return syntax.Between(
            self._value(value), self._value(low), self._value(high), bool(negated), self._over(value, high)
        )

    def known(self, parts: Parts) -> syntax.Known:
        value, _, negated, last = parts
        return syntax.Known(self._value(value), bool(negated), self._over(value, last))

    def missing(self, parts: Parts) -> syntax.Known:
        value, _, negated, last = parts
        return syntax.Known(self._value(value), not negated, self._over(value, last))

    def text_test(self, parts: Parts) -> syntax.TextTest:
        value, negated, operator, argument = parts
        kind = syntax.TextOperator("_".join(operator.lower().split()))
        span = self._over(value, argument)
        return syntax.TextTest(self._value(value), kind, self._value(argument), bool(negated), span)

    def includes(self, parts: Parts) -> syntax.Includes:
        value, negated, option = parts
        return syntax.Includes(self._value(value), self._value(option), bool(negated), self._over(value, option))

    def within(self, parts: Parts) -> syntax.Within:
        value, _, negated, word, duration = parts
        past = word.type == "WITHIN_LAST"
        return syntax.Within(self._value(value), duration, past, bool(negated), self._over(value, duration))

    def ago(self, parts: Parts) -> syntax.Ago:
        value, _, word, duration, last = parts
        return syntax.Ago(self._value(value), word.type == "MORE_THAN", duration, self._over(value, last))

    def has(self, parts: Parts) -> syntax.Has:
        return syntax.Has(self._name(parts[1]), self._over(*parts))

    def tagged(self, parts: Parts) -> syntax.Condition:
        first, negated, tag = parts
        span = self._over(first, tag)
        node = syntax.Tagged(self._name(tag), span)
        return syntax.Not(node, span) if negated else node

    def any_event(self, parts: Parts) -> syntax.Happened:
        return syntax.Happened(parts[1], False, self._over(*parts))

    def no_event(self, parts: Parts) -> syntax.Happened:
        return syntax.Happened(parts[1], True, self._over(*parts))

    def offered(self, parts: Parts) -> syntax.Condition:
        first, negated, _, product, window = parts
        span = self._over(first, window or product)
        node = syntax.History(HistoryVerb.OFFERED, _product(product), window, span)
        return syntax.Not(node, span) if negated else node

    def accepted(self, parts: Parts) -> syntax.History:
        first, product, window = parts
        span = self._over(first, window or product)
        return syntax.History(HistoryVerb.ACCEPTED, _product(product), window, span)

    def any_product(self, parts: Parts) -> _Placed:
        return _Placed(None, self._span(parts[0]))

    # --- values ------------------------------------------------------------------------------------------------------

    def parentheses(self, parts: Parts) -> _Placed:
        inside = parts[1].node if type(parts[1]) is _Placed else parts[1]
        return _Placed(inside, self._over(parts[0], parts[2]))

    def arithmetic(self, parts: Parts) -> syntax.Arithmetic:
        left, operator, right = parts
        return syntax.Arithmetic(self._value(left), str(operator), self._value(right), self._over(left, right))

    def share_of(self, parts: Parts) -> syntax.ShareOf:
        return syntax.ShareOf(self._percent(parts[0]), self._value(parts[1]), self._over(*parts))

    def negative(self, parts: Parts) -> syntax.Negative:
        return syntax.Negative(self._value(parts[1]), self._over(*parts))

    def number(self, parts: Parts) -> syntax.Number:
        return literals.number(self.source, self._span(parts[0]), parts[0])

    def percent(self, parts: Parts) -> syntax.Percent:
        return self._percent(parts[0])

    def text(self, parts: Parts) -> syntax.Text:
        return literals.text(self._span(parts[0]), parts[0])

    def money(self, parts: Parts) -> syntax.Money:
        if len(parts) == 1:
            return literals.money(self.source, self._span(parts[0]), parts[0][1:].lstrip(), None)
        amount, currency = parts
        return literals.money(self.source, self._over(amount, currency), amount, currency.upper())

    def duration(self, parts: Parts) -> syntax.Duration:
        count, unit = parts
        return literals.duration(self.source, self._over(count, unit), count, literals.unit(unit))

    def events(self, parts: Parts) -> syntax.Events:
        name, condition, window = parts
        where = self._condition(condition) if condition else None
        return syntax.Events(self._name(name), where, window, self._over(name, window or condition or name))

    def events_window_first(self, parts: Parts) -> syntax.Events:
        name, window, condition = parts
        return syntax.Events(self._name(name), self._condition(condition), window, self._over(name, condition))

    def event_condition(self, parts: Parts) -> _Placed:
        return self.parentheses(parts)

    def window(self, parts: Parts) -> syntax.Duration:
        return parts[0]  # type: ignore[no-any-return]

    def count_of(self, parts: Parts) -> syntax.CountOf:
        return syntax.CountOf(parts[1], self._over(*parts))

    def sum_of(self, parts: Parts) -> syntax.SumOf:
        first, name, events = parts
        return syntax.SumOf(self._name(name), events, self._over(first, events))

    def last_of(self, parts: Parts) -> syntax.LastOf:
        return syntax.LastOf(parts[1], self._over(*parts))

    def usage_of(self, parts: Parts) -> syntax.UsageOf:
        return syntax.UsageOf(self._name(parts[1]), self._over(*parts))

    def quota_of(self, parts: Parts) -> syntax.QuotaOf:
        return syntax.QuotaOf(self._name(parts[1]), self._over(*parts))

    # --- actions -----------------------------------------------------------------------------------------------------

    def offer(self, parts: Parts) -> syntax.Offer:
        names = [part for part in parts[1:] if type(part) is Token]
        return self._offer(parts, self._names(names), best=False)

    def best_of(self, parts: Parts) -> syntax.Offer:
        names = [part for part in parts[1:] if type(part) is Token]
        return self._offer(parts, self._names(names), best=True)

    def _offer(self, parts: Parts, products: tuple[syntax.Name, ...], best: bool) -> syntax.Offer:
        price: syntax.Price | None = None
        free: syntax.Duration | None = None
        extras: list[syntax.Name] = []
        for term in parts[1 + len(products) :]:
            if isinstance(term, _Free):
                if free:
                    raise Refused(errors.two_free_periods(self.source, term.duration.span))
                free = term.duration
            elif isinstance(term, syntax.Name):
                extras.append(term)
            elif price:
                raise Refused(errors.two_prices(self.source, term.span))
            else:
                price = term
        return syntax.Offer(products, best, price, free, tuple(extras), self._over(parts[0], parts[-1]))

    def priced(self, parts: Parts) -> syntax.Price:
        _, price, term = parts
        if not term:
            return price  # type: ignore[no-any-return]
        span = self._over(price, term)
        if isinstance(price, syntax.PercentOff):
            return syntax.PercentOff(price.percent, term, span)
        return type(price)(price.money, term, span)  # type: ignore[no-any-return]

    def free_period(self, parts: Parts) -> _Free:
        return _Free(parts[1], self._over(parts[0], parts[2]))

    def extra(self, parts: Parts) -> syntax.Name:
        return self._name(parts[1])

    def percent_off(self, parts: Parts) -> syntax.PercentOff:
        return syntax.PercentOff(self._percent(parts[0]), None, self._over(*parts))

    def amount_off(self, parts: Parts) -> syntax.AmountOff:
        return syntax.AmountOff(parts[0], None, self._over(*parts))

    def fixed_price(self, parts: Parts) -> syntax.FixedPrice:
        return syntax.FixedPrice(parts[0], None, parts[0].span)

    def _message(self, token: Token) -> syntax.Name | syntax.Text:
        return self.text([token]) if token.type == "STRING" else self._name(token)

    def say(self, parts: Parts) -> syntax.Say:
        return syntax.Say(self._message(parts[1]), self._over(*parts))

    def tag(self, parts: Parts) -> syntax.Tag:
        return syntax.Tag(self._name(parts[1]), self._over(*parts))

    def untag(self, parts: Parts) -> syntax.Untag:
        return syntax.Untag(self._name(parts[1]), self._over(*parts))

    def call(self, parts: Parts) -> syntax.Call:
        return syntax.Call(self._name(parts[1]), self._over(*parts))

    # --- clauses -----------------------------------------------------------------------------------------------------

    def via(self, parts: Parts) -> syntax.Via:
        return syntax.Via(self._names(parts[1:]), self._over(parts[0], parts[-1]))

    def as_purpose(self, parts: Parts) -> syntax.As:
        known = [str(purpose) for purpose in Purpose]
        if parts[1].lower() not in known:
            raise Refused(errors.unknown_purpose(self.source, self._span(parts[1]), known))
        return syntax.As(Purpose(parts[1].lower()), self._over(*parts))

    def priority(self, parts: Parts) -> syntax.Priority:
        first, minus, number = parts
        value = self._whole(number)
        return syntax.Priority(-value if minus else value, self._over(first, number))

    def worth(self, parts: Parts) -> syntax.Worth:
        return syntax.Worth(parts[1], self._over(*parts))

    def starts(self, parts: Parts) -> syntax.From:
        return syntax.From(self._date(parts[1]), self._over(*parts))

    def ends(self, parts: Parts) -> syntax.Until:
        return syntax.Until(self._date(parts[1]), self._over(*parts))

    def at_most_once(self, parts: Parts) -> syntax.AtMostOnce:
        return syntax.AtMostOnce(parts[1], self._over(*parts))

    def one_unit(self, parts: Parts) -> syntax.Duration:
        return syntax.Duration(1, literals.unit(parts[0]), self._span(parts[0]))

    def at_most_customers(self, parts: Parts) -> syntax.AtMostCustomers:
        first, count, unit = parts
        return syntax.AtMostCustomers(self._whole(count), literals.unit(unit), self._over(first, unit))

    def budget(self, parts: Parts) -> syntax.Budget:
        first, money, unit = parts
        return syntax.Budget(money, literals.unit(unit), self._over(first, unit))

    def hold_out(self, parts: Parts) -> syntax.HoldOut:
        return syntax.HoldOut(self._percent(parts[1]), self._over(*parts))

    def expires(self, parts: Parts) -> syntax.Expires:
        return syntax.Expires(parts[2], self._over(parts[0], parts[2]))

    def goal(self, parts: Parts) -> syntax.Goal:
        first, moment, _, duration = parts
        return syntax.Goal(self._name(moment), duration, self._over(first, duration))

    def catch_up(self, parts: Parts) -> syntax.CatchUp:
        return syntax.CatchUp(parts[2], self._over(parts[0], parts[2]))

    def catch_up_never(self, parts: Parts) -> syntax.CatchUp:
        return syntax.CatchUp(None, self._over(*parts))

    def split(self, parts: Parts) -> syntax.Split:
        return syntax.Split(tuple(parts[1:]), self._over(parts[0], parts[-1]))

    def arm(self, parts: Parts) -> syntax.Arm:
        share, name, *actions = parts
        label = self._name(name) if name else None
        return syntax.Arm(self._percent(share), label, tuple(actions), self._over(share, actions[-1]))

    # --- tests -------------------------------------------------------------------------------------------------------

    def facts(self, parts: Parts) -> tuple[syntax.Fact, ...]:
        return tuple(parts)

    def properties(self, parts: Parts) -> tuple[syntax.GivenValue, ...]:
        return tuple(parts)

    def given_value(self, parts: Parts) -> syntax.GivenValue:
        name, _, value = parts
        return syntax.GivenValue(self._name(name), self._value(value), self._over(name, value))

    def given_meter(self, parts: Parts) -> syntax.GivenValue:
        of, meter, _, value = parts
        node = syntax.UsageOf if of.type == "USAGE_OF" else syntax.QuotaOf
        subject = node(self._name(meter), self._over(of, meter))
        return syntax.GivenValue(subject, self._value(value), self._over(of, value))

    def given_set(self, parts: Parts) -> syntax.GivenSet:
        values = tuple(map(self._value, parts[3:-1]))
        return syntax.GivenSet(self._name(parts[0]), values, self._over(parts[0], parts[-1]))

    def given_flag(self, parts: Parts) -> syntax.GivenFlag:
        return syntax.GivenFlag(self._name(parts[0]), True, self._span(parts[0]))

    def given_no_flag(self, parts: Parts) -> syntax.GivenFlag:
        return syntax.GivenFlag(self._name(parts[1]), False, self._over(*parts))

    def given_missing(self, parts: Parts) -> syntax.GivenMissing:
        return syntax.GivenMissing(self._name(parts[0]), self._over(parts[0], parts[-1]))

    def given_addon(self, parts: Parts) -> syntax.GivenAddon:
        return syntax.GivenAddon(self._name(parts[1]), self._over(*parts))

    def given_tag(self, parts: Parts) -> syntax.GivenTag:
        return syntax.GivenTag(self._name(parts[1]), self._over(*parts))

    def given_events(self, parts: Parts) -> syntax.GivenEvents:
        count, name, _, _, properties, _, duration, last = parts
        span = self._over(count, last)
        return syntax.GivenEvents(self._whole(count), self._name(name), duration, properties or (), span)

    def given_history(self, parts: Parts) -> syntax.GivenHistory:
        verb, product, duration, last = parts
        kind = HistoryVerb(verb.lower())
        return syntax.GivenHistory(kind, self._name(product), duration, self._over(verb, last))

    def given_arm(self, parts: Parts) -> syntax.GivenArm:
        return syntax.GivenArm(self._name(parts[1]), self._over(*parts))

    def expectations(self, parts: Parts) -> tuple[syntax.Expectation, ...]:
        return tuple(parts)

    def expect_offer(self, parts: Parts) -> syntax.ExpectOffer:
        offer = self.offer(parts)
        return syntax.ExpectOffer(offer, offer.span)

    def expect_say(self, parts: Parts) -> syntax.ExpectSay:
        return syntax.ExpectSay(self._name(parts[1]), self._over(*parts))

    def expect_tag(self, parts: Parts) -> syntax.ExpectTag:
        return syntax.ExpectTag(self._name(parts[1]), self._over(*parts))

    def expect_rule(self, parts: Parts) -> syntax.ExpectRule:
        return syntax.ExpectRule(self._name(parts[1]), self._over(*parts))

    def expect_no(self, parts: Parts) -> syntax.ExpectNo:
        return syntax.ExpectNo(self._name(parts[1]), self._over(*parts))

    def expect_nothing(self, parts: Parts) -> syntax.ExpectNothing:
        return syntax.ExpectNothing(self._span(parts[0]))


@dataclass(frozen=True, slots=True)
class _Header:
    name: syntax.Name
    was: syntax.Name | None
    title: syntax.Text | None
    span: Span


@dataclass(frozen=True, slots=True)
class _Free:
    duration: syntax.Duration
    span: Span


def _product(part: Any) -> syntax.Name | None:
    return part if isinstance(part, syntax.Name) else None


def _kept_apart(clause: syntax.Clause) -> tuple[object, ...]:
    """By what clauses of a kind may stand beside each other."""
    match clause:
        case syntax.AtMostCustomers(per=per):
            return (per,)
        case syntax.Budget(money=money, per=per):
            return (per, money.currency)
    return ()
