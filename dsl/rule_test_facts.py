"""What a test gives: each fact of the made-up customer, its words looked up and its value read like any other."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from dsl import check_errors as errors
from dsl import rule_test_errors as test_errors
from dsl import syntax
from dsl.catalog import Moment, MomentKind
from dsl.check_errors import Wrong
from dsl.currencies import exponent
from dsl.datatypes import Kind, Money, Unit, Value
from dsl.names import ADDONS, TAGS, Scope, Subject
from dsl.operands import choice, folded, operand
from dsl.operators import months_from
from dsl.source import Span, normalised
from dsl.typed import Amount, Attribute, Elapsed, Window
from dsl.typed_tests import Given, GivenDecision, GivenEvents

MOST_EVENTS = 1000

_ONE_VALUE = (
    syntax.Name,
    syntax.Text,
    syntax.Number,
    syntax.Percent,
    syntax.Money,
    syntax.Date,
    syntax.Duration,
)


def check_facts(scope: Scope, facts: tuple[syntax.Fact, ...], day: dt.date, arms: frozenset[str]) -> Given:
    """What the facts give on local date `day`. `arms` are the known ones. Raises Wrong with the first error."""
    reading = _Facts(scope, day, arms)
    for fact in sorted(facts, key=_after_currency):
        reading.read(fact)
    return Given(
        reading.values,
        frozenset(reading.missing),
        tuple(reading.events),
        tuple(reading.decisions),
        reading.usage,
        reading.quota,
        reading.arm,
    )


def _after_currency(fact: syntax.Fact) -> bool:
    """Amounts are in the subscription's own currency, so that is read first."""
    return not (isinstance(fact, syntax.GivenValue) and fact.subject == syntax.Name("currency"))


class _Facts:
    def __init__(self, scope: Scope, day: dt.date, arms: frozenset[str]) -> None:
        self.scope, self.day, self.arms = scope, day, arms
        self.values: dict[str, Value] = {}
        self.missing: set[str] = set()
        self.events: list[GivenEvents] = []
        self.decisions: list[GivenDecision] = []
        self.usage: dict[str, float] = {}
        self.quota: dict[str, float] = {}
        self.arm: str | None = None

    def read(self, fact: syntax.Fact) -> None:
        match fact:
            case syntax.GivenValue(syntax.Name() as name, value):
                subject = self.scope.subject(name)
                self.give(self.key(subject), self.value(self.scope, subject, value), name)
            case syntax.GivenValue(syntax.UsageOf(meter) as of, value):
                self.meter(self.usage, meter, value, of.span)
            case syntax.GivenValue(syntax.QuotaOf(meter) as of, value):
                self.meter(self.quota, meter, value, of.span)
            case syntax.GivenSet(name, values):
                self.set_of(name, values)
            case syntax.GivenFlag(name, value):
                self.flag(name, value)
            case syntax.GivenMissing(name):
                self.without(name)
            case syntax.GivenAddon(addon):
                self.add(ADDONS.key, self.addon(addon))
            case syntax.GivenTag(tag):
                self.add(TAGS.key, tag.text)
            case syntax.GivenEvents():
                self.events.append(self.happened(fact))
            case syntax.GivenHistory(verb, product, ago):
                self.decisions.append(GivenDecision(verb, self.product(product), Window(ago.count, ago.unit)))
            case syntax.GivenArm(arm):
                self.in_arm(arm)

    # --- attributes

    def give(self, key: str, value: Value, name: syntax.Name) -> None:
        self.once(key, name)
        self.values[key] = value

    def once(self, key: str, name: syntax.Name) -> None:
        if key in self.values or key in self.missing:
            raise Wrong(test_errors.given_twice(name.span, name.written or name.text))

    def add(self, key: str, member: str) -> None:
        """One more member of a set."""
        held = self.values.get(key, frozenset())
        assert isinstance(held, frozenset)
        self.values[key] = held | {member}

    def key(self, subject: Subject) -> str:
        """Where the value stands in a row of state: for an elapsed time, where its start does."""
        match subject.term:
            case Elapsed(start=Attribute() as start):
                return start.key
            case Attribute() as attribute:
                return attribute.key
        raise TypeError(f"{subject.word} is not stored")

    def value(self, scope: Scope, subject: Subject, node: syntax.Expression) -> Value:
        """The one value that is given; of an elapsed time the start that makes it so on the day."""
        if subject.type.kind is Kind.SET:
            return frozenset([self.member(subject, node)])
        if not isinstance(folded(node), _ONE_VALUE):
            raise Wrong(test_errors.not_a_value(node.span, subject.word))
        found = operand(scope, subject, node)
        match found.term:
            case Elapsed(unit=unit):
                return self.start(int(str(found.value)), unit, node.span)
            case Amount(currency=currency):
                return self.money(Decimal(str(found.value)), currency, subject.word, node.span)
        return found.value

    def start(self, count: int, unit: Unit, span: Span) -> dt.date:
        """The latest date with so many full months, or days, on the day."""
        try:
            return months_from(self.day, -count) if unit is Unit.MONTHS else self.day - dt.timedelta(count)
        except (ValueError, OverflowError):
            raise Wrong(errors.too_long_ago(span)) from None

    def money(self, amount: Decimal, currency: str | None, word: str, span: Span) -> Money:
        code = currency or str(self.values.get("subscription.currency", self.scope.catalog.currency))
        minor = amount.scaleb(exponent(code))
        if minor != minor.to_integral_value():
            raise Wrong(test_errors.parts_of_a_cent(span, word, code))
        return Money(int(minor), code)

    def set_of(self, name: syntax.Name, nodes: tuple[syntax.Expression, ...]) -> None:
        subject = self.scope.subject(name)
        if subject.type.kind is not Kind.SET:
            raise Wrong(test_errors.not_a_set(name.span, subject.word, errors.kind_of(subject.type)))
        self.give(self.key(subject), frozenset(self.member(subject, node) for node in nodes), name)

    def member(self, subject: Subject, node: syntax.Expression) -> str:
        match node:
            case syntax.Name(prefix=None):
                written, bare = node.written or node.text, True
            case syntax.Text(written):
                bare = False
            case _:
                raise Wrong(errors.type_mismatch(node.span, subject.word, "a set", errors.literal(node)))
        if subject.term == ADDONS:
            return self.addon(syntax.Name(written.lower(), written=written, span=node.span))
        if subject.type.values:
            return choice(subject, written, node, bare=bare)
        return written.lower() if bare and subject.term == TAGS else normalised(written)

    def flag(self, name: syntax.Name, value: bool) -> None:
        subject = self.scope.subject(name)
        if subject.type.kind is not Kind.FLAG:
            raise Wrong(test_errors.not_a_flag(name.span, subject.word, errors.kind_of(subject.type)))
        self.give(self.key(subject), value, name)

    def without(self, name: syntax.Name) -> None:
        key = self.key(self.scope.subject(name))
        self.once(key, name)
        self.missing.add(key)

    # --- everything else

    def meter(self, readings: dict[str, float], meter: syntax.Name, value: syntax.Expression, span: Span) -> None:
        meters = list(self.scope.catalog.meters)
        if meter.text not in meters:
            raise Wrong(errors.unknown_of_kind(meter.span, meter.written or meter.text, "meter", meters))
        if meter.text in readings:
            raise Wrong(test_errors.given_twice(span, meter.text))
        number = folded(value)
        if not isinstance(number, syntax.Number):
            raise Wrong(test_errors.not_a_value(value.span, meter.text))
        readings[meter.text] = float(number.value)

    def addon(self, name: syntax.Name) -> str:
        addons = list(self.scope.catalog.addons)
        if name.text in self.scope.catalog.plans:
            raise Wrong(errors.plan_as_addon(name.span, name.text))
        if name.text not in addons:
            raise Wrong(errors.unknown_of_kind(name.span, name.written or name.text, "add-on", addons))
        return name.text

    def product(self, name: syntax.Name) -> str:
        known = list(self.scope.catalog.products)
        if name.text not in known:
            raise Wrong(errors.unknown_product(name.span, name.written or name.text, known))
        return name.text

    def happened(self, node: syntax.GivenEvents) -> GivenEvents:
        moment = self.event(node.event)
        if node.count > MOST_EVENTS:
            raise Wrong(test_errors.too_many_events(node.span, MOST_EVENTS))
        scope = Scope(self.scope.words, (moment,))
        properties: dict[str, Value] = {}
        for fact in node.properties:
            assert isinstance(fact.subject, syntax.Name)
            name = fact.subject
            if name.text not in moment.properties:
                known = list(moment.properties)
                raise Wrong(errors.unknown_property(name.span, name.written or name.text, moment.name, known))
            if name.text in properties:
                raise Wrong(test_errors.given_twice(name.span, name.text))
            subject = scope.subject(syntax.Name(name.text, "event", name.written, name.span))
            properties[name.text] = self.value(scope, subject, fact.value)
        return GivenEvents(moment.name, node.count, Window(node.ago.count, node.ago.unit), properties)

    def event(self, name: syntax.Name) -> Moment:
        moments = self.scope.catalog.moments
        known = [one.name for one in moments.values() if one.kind in (MomentKind.EVENT, MomentKind.CROSSING)]
        if name.text in moments and name.text not in known:
            raise Wrong(errors.not_an_event(name.span, name.text, known))
        if name.text not in moments:
            raise Wrong(errors.unknown_event(name.span, name.written or name.text, known))
        return moments[name.text]

    def in_arm(self, arm: syntax.Name) -> None:
        if self.arm is not None:
            raise Wrong(test_errors.given_twice(arm.span, "an arm"))
        if arm.text not in self.arms:
            raise Wrong(test_errors.unknown_arm(arm.span, arm.written or arm.text, sorted(self.arms)))
        self.arm = arm.text
