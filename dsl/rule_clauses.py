"""How a rule acts: through which channels, how important, from when until when, how often and for how much."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from dsl import check_errors as errors
from dsl import syntax
from dsl.check_errors import Wrong
from dsl.choices import Purpose, TimeUnit
from dsl.datatypes import Money
from dsl.dates import window
from dsl.events_and_meters import find_event
from dsl.names import Scope
from dsl.prices import typed_money
from dsl.source import Span
from dsl.typed import Budget, CatchUp, CustomersCap, Goal, Window

MOST_PRIORITY = 1_000_000
MOST_CUSTOMERS = 1_000_000_000
_PERIODS = (TimeUnit.DAYS, TimeUnit.WEEKS, TimeUnit.MONTHS)


@dataclass(slots=True)
class Clauses:
    """What the clauses say. `via` is None where the author wrote none."""

    via: tuple[str, ...] | None = None
    purpose: Purpose = Purpose.MARKETING
    priority: int = 0
    worth: Money | None = None
    starts: dt.date | None = None
    ends: dt.date | None = None
    at_most_once: Window | None = None
    customers_caps: tuple[CustomersCap, ...] = ()
    budgets: tuple[Budget, ...] = ()
    hold_out: Decimal = Decimal(0)
    expires: Window | None = None
    goal: Goal | None = None
    catch_up: CatchUp | None = None

    @property
    def is_capped(self) -> bool:
        return bool(self.at_most_once or self.customers_caps or self.budgets)


def check_clauses(scope: Scope, nodes: tuple[syntax.Clause, ...], *, offers: bool) -> Clauses:
    """Raises Wrong with the first error."""
    found = Clauses()
    for node in nodes:
        _CHECKS[type(node)](scope, node, found)
        _refuse_without_offer(scope, node, offers=offers)
    if found.starts and found.ends and found.ends < found.starts:
        last = next(node for node in reversed(nodes) if isinstance(node, syntax.From | syntax.Until))
        raise Wrong(errors.ends_before_it_starts(last.span))
    return found


def _refuse_without_offer(scope: Scope, node: syntax.Clause, *, offers: bool) -> None:
    match node:
        case syntax.As(Purpose.SERVICE) if offers:
            raise Wrong(errors.offer_as_service(node.span))
        case syntax.Expires() | syntax.Budget() | syntax.Worth() if not offers:
            scope.notes.append(errors.without_offer(node.span, _WORDS[type(node)]))


# --- one clause each --------------------------------------------------------------------------------------------------


def _via(scope: Scope, node: syntax.Via, found: Clauses) -> None:
    channels: list[str] = []
    for name in node.channels:
        known = scope.catalog.channels
        if name.text not in known:
            raise Wrong(errors.unknown_of_kind(name.span, name.written or name.text, "channel", known))
        if name.text in channels:
            raise Wrong(errors.channel_twice(name.span, name.text))
        channels.append(name.text)
    found.via = tuple(channels)


def _as(scope: Scope, node: syntax.As, found: Clauses) -> None:
    found.purpose = node.purpose


def _priority(scope: Scope, node: syntax.Priority, found: Clauses) -> None:
    if abs(node.value) > MOST_PRIORITY:
        raise Wrong(errors.priority_range(node.span, MOST_PRIORITY))
    found.priority = node.value


def _worth(scope: Scope, node: syntax.Worth, found: Clauses) -> None:
    found.worth = typed_money(scope, node.money)


def _from(scope: Scope, node: syntax.From, found: Clauses) -> None:
    found.starts = node.date.value


def _until(scope: Scope, node: syntax.Until, found: Clauses) -> None:
    found.ends = node.date.value


def _at_most_once(scope: Scope, node: syntax.AtMostOnce, found: Clauses) -> None:
    found.at_most_once = window(node.per)


def _at_most_customers(scope: Scope, node: syntax.AtMostCustomers, found: Clauses) -> None:
    _calendar_period(node.span, node.per)
    if not 1 <= node.count <= MOST_CUSTOMERS:
        raise Wrong(errors.customers_range(node.span, MOST_CUSTOMERS))
    found.customers_caps = (*found.customers_caps, CustomersCap(node.count, node.per))


def _budget(scope: Scope, node: syntax.Budget, found: Clauses) -> None:
    _calendar_period(node.span, node.per)
    found.budgets = (*found.budgets, Budget(typed_money(scope, node.money), node.per))


def _calendar_period(span: Span, unit: TimeUnit) -> None:
    if unit not in _PERIODS:
        raise Wrong(errors.calendar_period(span))


def _hold_out(scope: Scope, node: syntax.HoldOut, found: Clauses) -> None:
    if node.percent.value > 100:
        raise Wrong(errors.share_range(node.percent.span))
    found.hold_out = node.percent.value


def _expires(scope: Scope, node: syntax.Expires, found: Clauses) -> None:
    found.expires = window(node.after)


def _goal(scope: Scope, node: syntax.Goal, found: Clauses) -> None:
    found.goal = Goal(find_event(scope, node.moment).name, window(node.within))


def _catch_up(scope: Scope, node: syntax.CatchUp, found: Clauses) -> None:
    if node.within is not None and node.within.count == 0:
        raise Wrong(errors.no_time(node.within.span, "catch up never"))
    found.catch_up = CatchUp(window(node.within) if node.within else None)


_CHECKS: Mapping[type, Callable[[Scope, Any, Clauses], None]] = {
    syntax.Via: _via,
    syntax.As: _as,
    syntax.Priority: _priority,
    syntax.Worth: _worth,
    syntax.From: _from,
    syntax.Until: _until,
    syntax.AtMostOnce: _at_most_once,
    syntax.AtMostCustomers: _at_most_customers,
    syntax.Budget: _budget,
    syntax.HoldOut: _hold_out,
    syntax.Expires: _expires,
    syntax.Goal: _goal,
    syntax.CatchUp: _catch_up,
}
_WORDS: Mapping[type, str] = {syntax.Expires: "expires after", syntax.Budget: "budget", syntax.Worth: "worth"}
