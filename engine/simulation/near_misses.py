"""What a customer nearly meets: rules of which one thing alone keeps them, if their moments came on a day.

Every active rule of every moment is tried on the customer's state as it is, due or not; an event moment is taken as an
event of that day with the properties of the customer's last one. Rules that match are told by name. Personal values are
masked. Nothing is written.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from dsl.datatypes import Value
from dsl.suggestions import listed
from dsl.typed import MomentUse, Ruleset
from dsl.wording import moment_words, plain
from engine.decisions.receipts import told
from engine.errors import CarpeError
from engine.matching.interpreter import clauses
from engine.matching.near import Nearness, Way
from engine.matching.rows import full_rows
from engine.moments.calendar import due_instant
from engine.plans import Plans, plans_of
from engine.privacy import personal_keys
from engine.simulation.at_hand import part_at_hand
from engine.simulation.explain import UnknownSubject
from engine.store.documents import decode
from engine.store.session import Store
from engine.store.state import CustomerState, customer_rows
from engine.store.tables import events


class UnknownMoment(CarpeError):
    """No rule listens to this moment."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """`would` is what would have to be true ("plan is premium"), `reads` what is read now ("missing" where nothing is).

    `starts` is the first day, of a year, on which time alone makes it so.
    """

    would: str
    reads: str
    starts: dt.date | None


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A rule that one thing keeps from a customer's subscription (None: there is none); any of `wanted` would do."""

    rule: str
    moment: str
    subscription: str | None
    wanted: tuple[Wanted, ...]


@dataclass(frozen=True, slots=True)
class NearMisses:
    """`asked` is how many rules were tried, `matching` those that would match, `misses` the nearest first."""

    customer: str
    day: dt.date
    asked: int
    matching: tuple[str, ...]
    misses: tuple[NearMiss, ...]

    def to_json(self) -> dict[str, Any]:
        found = asdict(self) | {"day": self.day.isoformat()}
        for miss in found["misses"]:
            for one in miss["wanted"]:
                one["starts"] = one["starts"] and one["starts"].isoformat()
        return found


def near_misses(
    store: Store, ruleset: Ruleset, customer: str, day: dt.date, *, moment: str | None = None
) -> NearMisses:
    """On the customer's local `day`, of every moment or of one. Raises UnknownSubject and UnknownMoment."""
    plans = plans_of(ruleset)
    uses = _uses(plans, day, moment)
    with store.read() as connection:
        state = customer_rows(connection, plans.catalog, customer)
        if state is None:
            raise UnknownSubject(f"There is no customer {customer}.")
        tried = [one for use in uses for one in _tried(connection, plans, state, use, day)]
    matching = dict.fromkeys(one.rule for one in tried if one.matches)
    met = {(one.rule, one.subscription) for one in tried if one.matches}
    best: dict[tuple[str, str | None], _Tried] = {}
    for one in sorted((one for one in tried if one.wanted), key=lambda one: (one.nearness, one.rule)):
        if (one.rule, one.subscription) not in met:
            best.setdefault((one.rule, one.subscription), one)
    misses = tuple(NearMiss(one.rule, moment_words(one.use), one.subscription, one.wanted) for one in best.values())
    return NearMisses(customer, day, len({one.rule for one in tried}), tuple(matching), misses)


def _uses(plans: Plans, day: dt.date, moment: str | None) -> list[MomentUse]:
    every = [*plans.scheduled(day), *plans.happening()]
    found = [use for use in every if moment in (None, use.moment)]
    if moment is not None and not found:
        names = listed(sorted({use.moment for use in every}), "or")
        raise UnknownMoment(f"No rule listens to {moment} on {day}" + (f"; choose {names}." if names else "."))
    return found


@dataclass(frozen=True, slots=True)
class _Tried:
    """A rule on one of the customer's rows."""

    rule: str
    use: MomentUse
    subscription: str | None
    matches: bool
    nearness: Nearness = (0, 0.0)
    wanted: tuple[Wanted, ...] = ()


def _tried(
    connection: sa.Connection, plans: Plans, state: CustomerState, use: MomentUse, day: dt.date
) -> Iterator[_Tried]:
    at = due_instant(day, plans.catalog.policies.send_at, state.zone)
    told_last = _last_properties(connection, plans, state, use)
    part = part_at_hand(connection, plans, state, use, day, at, "asked", properties=told_last, recorded=False)
    if part is None:
        return
    hide = personal_keys(plans.catalog)
    rows = full_rows(part.table, part.plan.attributes, part.plan.terms)
    for subscription, row in zip(part.table["subscription"].to_pylist(), rows, strict=True):
        matched = set(part.plan.match_row(row, day))
        found: dict[int, list[Way]] = {}
        for way in part.plan.near_misses(row, day):
            found.setdefault(way.rule, []).append(way)
        for number in part.plan.numbers:
            rule, mine = part.rules[number], found.get(number, [])
            wanted = tuple(_wanted(mine, row, day, hide))
            yield _Tried(
                rule.name, use, subscription, number in matched, mine[0].nearness if mine else (0, 0.0), wanted
            )


def _wanted(ways: Iterable[Way], row: dict[str, Value], day: dt.date, hide: frozenset[str]) -> Iterator[Wanted]:
    for way in ways:
        reads = [told(each, hide) for each in clauses(way.wanted, row, day)]
        yield Wanted(plain(way.wanted), ", ".join(dict.fromkeys(filter(None, reads))), way.starts)


def _last_properties(connection: sa.Connection, plans: Plans, state: CustomerState, use: MomentUse) -> dict[str, Value]:
    """What the customer's last such event said; nothing where there is none."""
    declared = plans.catalog.moments.get(use.moment)
    if declared is None or not declared.properties:
        return {}
    query = sa.select(events.c.properties).where(events.c.customer_id == state.id, events.c.moment == use.moment)
    stored = connection.scalar(query.order_by(events.c.occurred_at.desc()).limit(1)) or {}
    types = declared.properties
    return {name: decode(types[name], value) for name, value in stored.items() if name in types}
