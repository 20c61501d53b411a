"""How a rule acts: through which channels, how important, from when until when; other clauses come later."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from dsl import check_errors as errors
from dsl import syntax
from dsl.catalog import Catalog
from dsl.check_errors import Wrong

MOST_PRIORITY = 1_000_000


@dataclass(slots=True)
class Clauses:
    """What the clauses say. `via` is None where the author wrote none."""

    via: tuple[str, ...] | None = None
    priority: int = 0
    starts: dt.date | None = None
    ends: dt.date | None = None


def check_clauses(catalog: Catalog, nodes: tuple[syntax.Clause, ...], *, offers: bool) -> Clauses:
    """Raises Wrong with the first error, or for the first clause that comes later."""
    found = Clauses()
    seen: set[type] = set()
    for node in nodes:
        if type(node) in seen and not isinstance(node, syntax.AtMostCustomers | syntax.Budget):
            raise Wrong(errors.clause_twice(node.span, _WORDS[type(node)]))
        seen.add(type(node))
        _check(catalog, node, found, offers=offers)
    if found.starts and found.ends and found.ends < found.starts:
        last = next(node for node in reversed(nodes) if isinstance(node, syntax.From | syntax.Until))
        raise Wrong(errors.ends_before_it_starts(last.span))
    return found


def _check(catalog: Catalog, node: syntax.Clause, found: Clauses, *, offers: bool) -> None:
    match node:
        case syntax.Via(channels):
            found.via = _via(catalog, channels)
        case syntax.Priority(value):
            if abs(value) > MOST_PRIORITY:
                raise Wrong(errors.priority_range(node.span, MOST_PRIORITY))
            found.priority = value
        case syntax.From(date):
            found.starts = date.value
        case syntax.Until(date):
            found.ends = date.value
        case syntax.As(syntax.Purpose.MARKETING):
            pass
        case _:
            _refuse_later(catalog, node, offers=offers)


def _via(catalog: Catalog, names: tuple[syntax.Name, ...]) -> tuple[str, ...]:
    channels: list[str] = []
    for name in names:
        if name.text not in catalog.channels:
            raise Wrong(errors.unknown_of_kind(name.span, name.written or name.text, "channel", catalog.channels))
        if name.text in channels:
            raise Wrong(errors.channel_twice(name.span, name.text))
        channels.append(name.text)
    return tuple(channels)


def _refuse_later(catalog: Catalog, node: syntax.Clause, *, offers: bool) -> None:
    match node:
        case syntax.As() if offers:
            raise Wrong(errors.offer_as_service(node.span))
        case syntax.HoldOut(percent) if percent.value > 100:
            raise Wrong(errors.share_range(percent.span))
        case syntax.Goal(moment) if moment.text not in catalog.moments:
            raise Wrong(errors.unknown_moment(moment.span, moment.written or moment.text, list(catalog.moments)))
    raise Wrong(errors.not_available(node.span, f'the clause "{_WORDS[type(node)]}" is'))


_WORDS: dict[type, str] = {
    syntax.Via: "via",
    syntax.As: "as service",
    syntax.Priority: "priority",
    syntax.Worth: "worth",
    syntax.From: "from",
    syntax.Until: "until",
    syntax.AtMostOnce: "at most once",
    syntax.AtMostCustomers: "at most customers",
    syntax.Budget: "budget",
    syntax.HoldOut: "hold out",
    syntax.Expires: "expires after",
    syntax.Goal: "goal",
    syntax.CatchUp: "catch up",
}
