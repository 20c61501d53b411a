"""Checked tests of rules: a made-up customer, a moment, and what must come of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from dsl.choices import HistoryVerb
from dsl.datatypes import Value
from dsl.source import Source, Span
from dsl.typed import MomentUse, Offer, Window

DEFAULT_DAY = dt.date(2026, 3, 15)
"""The local date of a test that names none."""


@dataclass(frozen=True, slots=True)
class GivenEvents:
    """`3 support_call 5 days ago`: so many events that long before the instant of the moment."""

    moment: str
    count: int
    ago: Window
    properties: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GivenDecision:
    """`offered family 40 days ago`."""

    verb: HistoryVerb
    product: str
    ago: Window


@dataclass(frozen=True, slots=True)
class Given:
    """What the author says of the customer. `values` are by the key of a row of state, the moment's properties too.

    `missing` are keys that are to have no value, whatever the defaults are. An elapsed time is given as its start.
    `usage` and `quota` are by meter. `arm` is the arm of every split that has one of this name.
    """

    values: Mapping[str, Value] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()
    events: tuple[GivenEvents, ...] = ()
    decisions: tuple[GivenDecision, ...] = ()
    usage: Mapping[str, float] = field(default_factory=dict)
    quota: Mapping[str, float] = field(default_factory=dict)
    arm: str | None = None


@dataclass(frozen=True, slots=True)
class ExpectedOffer:
    """This product; and the price, the free period and the add-ons, as far as the author names them."""

    offer: Offer


@dataclass(frozen=True, slots=True)
class ExpectedMessage:
    message: str


@dataclass(frozen=True, slots=True)
class ExpectedTag:
    tag: str


@dataclass(frozen=True, slots=True)
class ExpectedRule:
    """It won."""

    rule: str


@dataclass(frozen=True, slots=True)
class ExpectedAbsence:
    """This rule neither won nor was held."""

    rule: str


@dataclass(frozen=True, slots=True)
class ExpectedNothing:
    """No contact at all."""


Outcome = ExpectedOffer | ExpectedMessage | ExpectedTag | ExpectedRule | ExpectedAbsence | ExpectedNothing


@dataclass(frozen=True, slots=True)
class Expectation:
    """`text` is the author's own."""

    outcome: Outcome
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class RuleTest:
    """One checked test. The moment is taken as due on local date `day`."""

    title: str
    given: Given
    moment: MomentUse
    day: dt.date
    expect: tuple[Expectation, ...]
    source: Source = field(default=Source("", ""), compare=False, repr=False)
    span: Span = field(default=Span(0, 0), compare=False, repr=False)

    @property
    def line(self) -> int:
        return self.source.position(self.span.start).line
