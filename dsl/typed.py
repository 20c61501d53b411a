"""Typed rules: what the checker makes of a tree and what the engine compiles.

Sugar is gone, names are resolved, units and currencies are settled. A `Test` asks one operator (a row of
`operators.OPERATORS`) of one term with constant operands. Every operator names its negation, so `not` can be pushed
to the tests; a test holds when its term is present and the operator's meaning is true of it (`is_known` and
`is_missing` ask of presence itself).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from dsl.catalog import Catalog, Owner
from dsl.choices import HistoryVerb, Purpose, TimeUnit
from dsl.datatypes import DataType, Kind, Money, Unit, Value
from dsl.messages import Message
from dsl.source import Source, Span
from dsl.windows import Window as Window

# --- terms: what a test reads ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attribute:
    """A stored value of the customer, the subscription or the event, as its own type.

    Built in, besides the catalog's: `customer.id`, `customer.timezone` (text), `customer.tags` (set),
    `subscription.id`, `subscription.currency` (text), `subscription.addons` (set).
    """

    owner: Owner
    name: str
    type: DataType

    @property
    def key(self) -> str:
        return f"{self.owner}.{self.name}"


@dataclass(frozen=True, slots=True)
class Elapsed:
    """Whole units from a date attribute to the local day; missing where the date is missing or in the future.

    `unit` is DAYS or MONTHS only (the checker turns weeks into days and years into months). Value: int.
    `name` is the attribute's own (`tenure`), for people; empty where the author asks how long ago the date was.
    """

    start: Attribute | LastOf
    unit: Unit
    name: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Amount:
    """A money attribute's amount in major units (Decimal) if it is in `currency`, else missing.

    None is the subscription's own currency (missing where the customer has no subscription).
    """

    money: Attribute
    currency: str | None


@dataclass(frozen=True, slots=True)
class Events:
    """Which events of the subject: of one moment, those whose properties satisfy `where`, in the window (None: ever).

    `where` asks attributes of the owner EVENT only: those of the counted event, not of the one that triggers.
    """

    moment: str
    where: Condition
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class CountOf:
    """How many events (int); 0 where there are none, never missing."""

    events: Events


@dataclass(frozen=True, slots=True)
class SumOf:
    """The sum of a property over events that have it; 0 where there are none, never missing.

    Of money: a Decimal in major units, over the events in `currency` (None: the subscription's own). Else a float.
    """

    property: Attribute
    events: Events
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class LastOf:
    """The local date of the last such event; missing where there is none."""

    events: Events


@dataclass(frozen=True, slots=True)
class SinceLast:
    """The exact time since the last such event, in microseconds (int); missing where there is none."""

    events: Events


@dataclass(frozen=True, slots=True)
class UsageOf:
    """What a meter reads, in its unit (float); missing where it was never read."""

    meter: str


@dataclass(frozen=True, slots=True)
class QuotaOf:
    """How much of a meter the subscription may use, in the meter's unit (float); missing where nothing says."""

    meter: str


@dataclass(frozen=True, slots=True)
class DecidedCount:
    """How often a product (None: any) was offered to, or accepted by, the customer in the window (int)."""

    verb: HistoryVerb
    product: str | None
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class Constant:
    """A value inside arithmetic: an int or float, or a Decimal of money in major units."""

    value: Value


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`operator` is one of + - * /. Missing where either side is, and where the right side of / is zero.

    Money stays exact (Decimal); with a float on either side the result is a float. `type` is the result's.
    """

    operator: str
    left: Term
    right: Term
    type: DataType


Stored = Attribute | Elapsed | Amount
"""Terms of one stored value."""

Historic = CountOf | SumOf | LastOf | SinceLast | UsageOf | QuotaOf | DecidedCount
"""Terms of what happened before: found by asking the store, never part of a row of attributes."""

Term = Stored | Historic | Constant | Arithmetic


def kind(term: Term) -> Kind:
    """Of what kind a term's values are."""
    match term:
        case Attribute(type=type_) | Arithmetic(type=type_) | SumOf(property=Attribute(type=type_)):
            return type_.kind
        case Elapsed() | SinceLast():
            return Kind.ELAPSED
        case Amount():
            return Kind.MONEY
        case CountOf() | DecidedCount():
            return Kind.COUNT
        case LastOf():
            return Kind.DATE
        case UsageOf() | QuotaOf():
            return Kind.NUMBER
        case Constant(value):
            return Kind.MONEY if isinstance(value, Decimal) else Kind.NUMBER


# --- conditions ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Test:
    """One clause. `text` is the author's own wording of it, for receipts and explanations."""

    operator: str
    term: Term
    operands: tuple[Value, ...]
    text: str = field(default="", compare=False)
    span: Span = field(default=Span(0, 0), compare=False)


@dataclass(frozen=True, slots=True)
class Relation:
    """One clause between two terms, `usage of storage >= 80% of quota of storage`; neither side is a mere constant.

    Missing where either side is. `operator` is equal, not_equal, less, less_or_equal, greater or greater_or_equal.
    """

    operator: str
    left: Term
    right: Term
    text: str = field(default="", compare=False)
    span: Span = field(default=Span(0, 0), compare=False)


@dataclass(frozen=True, slots=True)
class All:
    """True where every item is; `All(())` is always true (a rule without `where`)."""

    items: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    items: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    item: Condition


@dataclass(frozen=True, slots=True)
class SegmentUse:
    """A named condition where it is used; its meaning is its condition's."""

    name: str
    condition: Condition
    span: Span = field(default=Span(0, 0), compare=False)


Condition = Test | Relation | All | AnyOf | Not | SegmentUse

# --- rules -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MomentUse:
    """A moment that a rule listens to. `offset` in local days: -7 is `7 days before`, +1 is `1 day after`.

    For `on 2026-11-27`, `moment` is the ISO date and `date` is set. `delay` is the elapsed time after an event.
    """

    moment: str
    offset: int = 0
    date: dt.date | None = None
    delay: dt.timedelta = dt.timedelta(0)

    @property
    def distance(self) -> int:
        """How far the occasion is from the moment: local days of a date, hours after an event."""
        return self.offset if not self.delay else self.delay // dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class PercentOff:
    """A reduction by a share of the price: 20 is 20%. `months` of invoices from the first one; None for good."""

    percent: Decimal
    months: int | None = None


@dataclass(frozen=True, slots=True)
class AmountOff:
    """A reduction by an amount a billing interval."""

    amount: Money
    months: int | None = None


@dataclass(frozen=True, slots=True)
class FixedPrice:
    """A price a billing interval; in another currency than the customer's the offer is not eligible."""

    amount: Money
    months: int | None = None


Price = PercentOff | AmountOff | FixedPrice


@dataclass(frozen=True, slots=True)
class Offer:
    """Propose one of `products` (plans or add-ons, in the author's order; more than one only with `best of`).

    `free_months` come after a reduction; `extras` are add-ons given with it.
    """

    products: tuple[str, ...]
    price: Price | None = None
    free_months: int = 0
    extras: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Say:
    """Send `ruleset.messages[message]`: the name of a file of `messages/`, or the rule's own text in its quotes."""

    message: str


@dataclass(frozen=True, slots=True)
class Tag:
    tag: str
    add: bool = True


@dataclass(frozen=True, slots=True)
class Call:
    """Hand a task of the catalog to the person or system that does it."""

    task: str


Action = Offer | Say | Tag | Call


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm of a split: its share in percent, a name that is unique in the rule, and what it does."""

    name: str
    share: Decimal
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class CustomersCap:
    """At most `count` customers per calendar day, week (from Monday) or month, in the ruleset's zone."""

    count: int
    per: TimeUnit


@dataclass(frozen=True, slots=True)
class Budget:
    """At most this much discount per calendar day, week or month, in the ruleset's zone."""

    amount: Money
    per: TimeUnit


@dataclass(frozen=True, slots=True)
class Goal:
    """What the rule is meant to bring about, and within how long."""

    moment: str
    within: Window


@dataclass(frozen=True, slots=True)
class CatchUp:
    """How late a missed occurrence may still be sent; None: never."""

    within: Window | None


@dataclass(frozen=True, slots=True)
class Rule:
    """One checked rule. `via` is never empty when the rule has something to send. `text` is the author's own.

    `starts` and `ends` are inclusive local dates. `named` is False where `name` was made from moment and action.
    `was` is the name that the rule had before; what is stored under it is this rule's.
    """

    name: str
    title: str | None
    moments: tuple[MomentUse, ...]
    condition: Condition
    actions: tuple[Action, ...]
    via: tuple[str, ...] = ()
    priority: int = 0
    starts: dt.date | None = None
    ends: dt.date | None = None
    was: str | None = None
    purpose: Purpose = Purpose.MARKETING
    worth: Money | None = None
    at_most_once: Window | None = None
    customers_caps: tuple[CustomersCap, ...] = ()
    budgets: tuple[Budget, ...] = ()
    hold_out: Decimal = Decimal(0)
    expires: Window | None = None
    goal: Goal | None = None
    catch_up: CatchUp | None = None
    split: tuple[Arm, ...] = ()
    named: bool = field(default=True, compare=False)
    source: Source = field(default=Source("", ""), compare=False, repr=False)
    span: Span = field(default=Span(0, 0), compare=False, repr=False)

    @property
    def text(self) -> str:
        return self.source.slice(self.span)

    def active_on(self, day: dt.date) -> bool:
        return (self.starts is None or self.starts <= day) and (self.ends is None or day <= self.ends)


@dataclass(frozen=True, slots=True)
class Segment:
    name: str
    condition: Condition
    source: Source = field(default=Source("", ""), compare=False, repr=False)
    span: Span = field(default=Span(0, 0), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Ruleset:
    """Everything that was right in a folder of rules; what was wrong is in the diagnostics beside it.

    `digest` is the SHA-256 (hex) of the files' paths and bytes: the same text has the same digest everywhere.
    """

    catalog: Catalog
    rules: tuple[Rule, ...]
    segments: Mapping[str, Segment]
    messages: Mapping[str, Message]
    digest: str

    def rule(self, name: str) -> Rule | None:
        return next((rule for rule in self.rules if rule.name == name), None)
