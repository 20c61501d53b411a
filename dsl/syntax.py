"""The tree of a file of rules: what the parser makes of text and the checker reads.

Nodes stand in the order of `grammar.lark`. Trees are compared without spans and without spelling: two texts that mean
the same sentence have equal trees. Names are lower case (`written` keeps the author's letters). Nothing here is
resolved: a `Name` may be an attribute, a segment, a plan or a value, and the checker finds out which.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from dsl.choices import HistoryVerb, Purpose, TimeUnit
from dsl.source import Span

NOWHERE = Span(0, 0)

# --- words and literals ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Name:
    """A word, lower case; `customer.country` has the prefix `customer`. `written` is the word as it stands."""

    text: str
    prefix: str | None = None
    written: str = field(default="", compare=False, repr=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Text:
    """Text in quotes, without them."""

    value: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Number:
    value: Decimal
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Percent:
    """`20%` is Decimal(20)."""

    value: Decimal
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in major units; never more decimals than its currency has. `currency` is None for `$`."""

    amount: Decimal
    currency: str | None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Date:
    value: dt.date
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Duration:
    """`12 months`: a whole count of one unit."""

    count: int
    unit: TimeUnit
    span: Span = field(default=NOWHERE, compare=False, repr=False)


# --- values ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Events:
    """Which events: `download where (product = "desktop") in last 7 days`. No window: of all time."""

    name: Name
    where: Condition | None = None
    window: Duration | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class CountOf:
    events: Events
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class SumOf:
    """`sum of amount of purchase in last 90 days`."""

    property: Name
    events: Events
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class LastOf:
    """When the last of these events happened: `last website_visit`."""

    events: Events
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class UsageOf:
    meter: Name
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class QuotaOf:
    meter: Name
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ShareOf:
    """`80% of quota of storage`."""

    percent: Percent
    of: Expression
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Negative:
    """`-5`."""

    value: Expression
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`operator` is one of `+ - * /`."""

    left: Expression
    operator: str
    right: Expression
    span: Span = field(default=NOWHERE, compare=False, repr=False)


Expression = (
    Name
    | Text
    | Number
    | Percent
    | Money
    | Date
    | Duration
    | CountOf
    | SumOf
    | LastOf
    | UsageOf
    | QuotaOf
    | ShareOf
    | Negative
    | Arithmetic
)

# --- conditions ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Or:
    """Two or more; never directly an `Or` among them, unless the author wrote parentheses."""

    items: tuple[Condition, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class And:
    items: tuple[Condition, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Not:
    item: Condition
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Truth:
    """A value standing where a condition is wanted: a flag or a segment's name, or a mistake."""

    value: Expression
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Comparator:
    """`name` is equal, not_equal, less, less_or_equal, greater, greater_or_equal, or of dates before, after, on.

    `is` and `is not` are equal and not_equal; `written` tells.
    """

    name: str
    written: str = field(default="", compare=False, repr=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    left: Expression
    comparator: Comparator
    right: Expression
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ChainedComparison:
    """`10 < tenure < 20`, kept so that it can be explained; one operand more than comparators."""

    operands: tuple[Expression, ...]
    comparators: tuple[Comparator, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class In:
    value: Expression
    options: tuple[Expression, ...]
    negated: bool = False
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Between:
    """Both ends included."""

    value: Expression
    low: Expression
    high: Expression
    negated: bool = False
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Known:
    """`is known`; negated: `is missing`, `is not known`."""

    value: Expression
    negated: bool = False
    span: Span = field(default=NOWHERE, compare=False, repr=False)


class TextOperator(StrEnum):
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"
    LIKE = "like"


@dataclass(frozen=True, slots=True)
class TextTest:
    value: Expression
    operator: TextOperator
    argument: Expression
    negated: bool = False
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Includes:
    """`interests includes sport`."""

    value: Expression
    option: Expression
    negated: bool = False
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Within:
    """`trial_ends_on within 7 days`; `past`: `started_on within last 7 days`."""

    value: Expression
    duration: Duration
    past: bool = False
    negated: bool = False
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Ago:
    """`last website_visit more than 14 days ago`; not `more`: `less than`."""

    value: Expression
    more: bool
    duration: Duration
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Has:
    """`has backup`: the subscription holds the add-on."""

    addon: Name
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Tagged:
    """`is tagged vip`: the customer carries the tag."""

    tag: Name
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Happened:
    """`any payment_failed in last 12 months`; negated: `no payment_failed ...`."""

    events: Events
    negated: bool = False
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class History:
    """`was offered premium in last 90 days`, `accepted any in last 1 year`. `product` is None for `any`."""

    verb: HistoryVerb
    product: Name | None
    window: Duration | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


Condition = (
    Or
    | And
    | Not
    | Truth
    | Comparison
    | ChainedComparison
    | In
    | Between
    | Known
    | TextTest
    | Includes
    | Within
    | Ago
    | Has
    | Tagged
    | Happened
    | History
)

# --- moments ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Offset:
    """`7 days before`, `1 day after`."""

    duration: Duration
    before: bool
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Moment:
    """A declared moment's name or a calendar date, with the offset that binds to it."""

    target: Name | Date
    offset: Offset | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


# --- actions ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PercentOff:
    """`20% off for 3 months`; without a term, for good."""

    percent: Percent
    term: Duration | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class AmountOff:
    """`$5 off for 2 months`."""

    money: Money
    term: Duration | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class FixedPrice:
    """`$29.99 for 6 months`."""

    money: Money
    term: Duration | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


Price = PercentOff | AmountOff | FixedPrice


@dataclass(frozen=True, slots=True)
class Offer:
    """`offer standard at 20% off with 1 month free with backup`; `best`: `offer best of a, b, c`.

    `free` is the free period, `extras` the add-ons given with it.
    """

    products: tuple[Name, ...]
    best: bool = False
    price: Price | None = None
    free: Duration | None = None
    extras: tuple[Name, ...] = ()
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Say:
    """A message's name, or inline text (a Liquid template)."""

    message: Name | Text
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Tag:
    tag: Name
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Untag:
    tag: Name
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    task: Name
    span: Span = field(default=NOWHERE, compare=False, repr=False)


Action = Offer | Say | Tag | Untag | Call

# --- clauses ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Via:
    channels: tuple[Name, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class As:
    purpose: Purpose
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Priority:
    value: int
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Worth:
    money: Money
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class From:
    """The first local date on which the rule is alive."""

    date: Date
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Until:
    """The last local date on which the rule is alive."""

    date: Date
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class AtMostOnce:
    """`at most once per 90 days`, a customer."""

    per: Duration
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class AtMostCustomers:
    """`at most 500 customers per day`."""

    count: int
    per: TimeUnit
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Budget:
    """`budget $5000 per week`."""

    money: Money
    per: TimeUnit
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class HoldOut:
    percent: Percent
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Expires:
    after: Duration
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Goal:
    """`goal upgrade within 30 days`."""

    moment: Name
    within: Duration
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class CatchUp:
    """`catch up within 3 days`; None is `catch up never`."""

    within: Duration | None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


Clause = (
    Via
    | As
    | Priority
    | Worth
    | From
    | Until
    | AtMostOnce
    | AtMostCustomers
    | Budget
    | HoldOut
    | Expires
    | Goal
    | CatchUp
)


@dataclass(frozen=True, slots=True)
class Arm:
    """`50% cheaper: offer family at 30% off`. One action or more."""

    share: Percent
    name: Name | None
    actions: tuple[Action, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Split:
    arms: tuple[Arm, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


# --- tests -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GivenValue:
    """`plan = basic`, `tenure = 13 months`, `usage of storage = 60`."""

    subject: Name | UsageOf | QuotaOf
    value: Expression
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class GivenSet:
    """`interests = (sport, music)`."""

    subject: Name
    values: tuple[Expression, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class GivenFlag:
    """`autopay`, `not autopay`."""

    subject: Name
    value: bool
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class GivenMissing:
    """`country is missing`."""

    subject: Name
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class GivenAddon:
    """`has backup`."""

    addon: Name
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class GivenTag:
    """`is tagged vip`."""

    tag: Name
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class GivenEvents:
    """`3 support_call 5 days ago`; `2 purchase with (amount = $20, item = "mug") 1 day ago` gives their properties."""

    count: int
    event: Name
    ago: Duration
    properties: tuple[GivenValue, ...] = ()
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class GivenHistory:
    """`offered family 40 days ago`, `accepted family 3 days ago`."""

    verb: HistoryVerb
    product: Name
    ago: Duration
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class GivenArm:
    """`arm small`: the customer is in that arm of a split."""

    arm: Name
    span: Span = field(default=NOWHERE, compare=False, repr=False)


Fact = GivenValue | GivenSet | GivenFlag | GivenMissing | GivenAddon | GivenTag | GivenEvents | GivenHistory | GivenArm


@dataclass(frozen=True, slots=True)
class ExpectOffer:
    """An offer; without a price, at any price."""

    offer: Offer
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ExpectSay:
    message: Name
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ExpectTag:
    tag: Name
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ExpectRule:
    """`rule NAME`: it won."""

    rule: Name
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ExpectNo:
    """`no NAME`: that rule neither won nor was held."""

    rule: Name
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ExpectNothing:
    """No contact at all."""

    span: Span = field(default=NOWHERE, compare=False, repr=False)


Expectation = ExpectOffer | ExpectSay | ExpectTag | ExpectRule | ExpectNo | ExpectNothing

# --- declarations ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rule:
    """At least one action, or a split. `span` runs from the first word to the last."""

    name: Name | None
    was: Name | None
    title: Text | None
    moments: tuple[Moment, ...]
    condition: Condition | None
    actions: tuple[Action, ...]
    clauses: tuple[Clause, ...] = ()
    split: Split | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Segment:
    name: Name
    condition: Condition
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Test:
    """`on MOMENT [at DATE]`: `at` is None for the fixed default date."""

    title: Text
    given: tuple[Fact, ...]
    moment: Moment
    at: Date | None
    expect: tuple[Expectation, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


Declaration = Rule | Segment | Test


@dataclass(frozen=True, slots=True)
class File:
    """The good declarations of one file, in its order."""

    declarations: tuple[Declaration, ...]

    @property
    def rules(self) -> tuple[Rule, ...]:
        return tuple(one for one in self.declarations if isinstance(one, Rule))

    @property
    def segments(self) -> tuple[Segment, ...]:
        return tuple(one for one in self.declarations if isinstance(one, Segment))

    @property
    def tests(self) -> tuple[Test, ...]:
        return tuple(one for one in self.declarations if isinstance(one, Test))
