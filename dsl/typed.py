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

from dsl.catalog import Catalog, Owner
from dsl.datatypes import DataType, Unit, Value
from dsl.messages import Message
from dsl.source import Source, Span

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

    start: Attribute
    unit: Unit
    name: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Amount:
    """A money attribute's amount in major units (Decimal) if it is in `currency`, else missing.

    None is the subscription's own currency (missing where the customer has no subscription).
    """

    money: Attribute
    currency: str | None


Term = Attribute | Elapsed | Amount

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


Condition = Test | All | AnyOf | Not | SegmentUse

# --- rules -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MomentUse:
    """A moment that a rule listens to. `offset` in local days: -7 is `7 days before`, +1 is `1 day after`.

    For `on 2026-11-27`, `moment` is the ISO date and `date` is set.
    """

    moment: str
    offset: int = 0
    date: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """Propose one of `products` (plans or add-ons, in the author's order; more than one only with `best of`)."""

    products: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Say:
    """Send `ruleset.messages[message]`: the name of a file of `messages/`, or the rule's own text in its quotes."""

    message: str


@dataclass(frozen=True, slots=True)
class Tag:
    tag: str
    add: bool = True


Action = Offer | Say | Tag


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
