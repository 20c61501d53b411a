"""The accounts after a torture: every sentence of the promise asked of the tables, beside the oracle of the story."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import pairwise

import sqlalchemy as sa

from engine.plans import plans_of
from engine.store.session import Store
from engine.store.tables import (
    SHARDS,
    batches,
    counters,
    customers,
    decisions,
    delayed,
    deliveries,
    events,
    frontiers,
    missed,
    moves,
)
from tests.torture import story
from tests.torture.story import DAY, SCHEDULED, VISITS, ZONES, Expected, Person, Visit

KEY = ("rule", "moment", "offset", "local_date", "pass_id")


def rows(store: Store, query: sa.Select) -> list[sa.Row]:
    with store.read() as connection:
        return list(connection.execute(query))


def conserved(store: Store) -> int:
    """due = not matched + offered + held + held out + missed, by rule, moment, day and pass; the rows are those
    counted, and nothing is without a reason. How many were due."""
    counted: dict[tuple, Counter[str]] = {}
    for each in rows(store, sa.select(counters)):
        parts = each.not_matched + each.offered + each.held + each.held_out + each.missed
        assert each.due == parts, each
        assert min(each[5:]) >= 0, each
        results = {"offered": each.offered, "held": each.held, "held_out": each.held_out, "missed": each.missed}
        counted[each[:5]] = Counter({name: count for name, count in results.items() if count})
    found: dict[tuple, Counter[str]] = defaultdict(Counter)
    for each in rows(store, sa.select(*(decisions.c[name] for name in KEY), decisions.c.result, decisions.c.reason)):
        kept = each.result if each.result in ("held", "held_out") else "offered"
        found[(*each[:4], each.pass_id or 0)][kept] += 1
        assert (each.reason is not None) == (kept != "offered"), each
    for each in rows(store, sa.select(*(missed.c[name] for name in KEY), missed.c.occurrences, missed.c.reason)):
        assert each.reason, each
        found[each[:5]]["missed"] += each.occurrences
    assert {key: counts for key, counts in counted.items() if counts} == dict(found)
    return sum(each.due for each in rows(store, sa.select(counters.c.due)))


def once(store: Store) -> None:
    """No key twice, whatever the indexes promise: asked of the rows."""
    columns = decisions.c
    winners = (columns.subject, columns.moment, columns.offset, columns.occurrence, columns.slot)
    for what, query in (
        ("result", sa.select(columns.rule, columns.subject, columns.occurrence)),
        ("winner", sa.select(*winners).where(columns.slot.is_not(None))),
        ("delivery", sa.select(deliveries.c.decision_id, deliveries.c.channel)),
        ("delay", sa.select(delayed.c.source, delayed.c.event_id, delayed.c.offset)),
    ):
        repeated = [key for key, count in Counter(map(tuple, rows(store, query))).items() if count > 1]
        assert not repeated, f"{what} twice: {repeated[:5]}"


def complete(store: Store, rules: story.Ruleset, first: dt.date, last: dt.date) -> None:
    """Every batch of every day is done, nothing waits anywhere."""
    assert dict(map(tuple, rows(store, sa.select(frontiers)))) == dict.fromkeys(ZONES, last)
    uses = [(use.moment, use.offset) for use in plans_of(rules).scheduled(first)]
    days = [first + number * DAY for number in range((last - first).days + 1)]
    key = (batches.c.local_date, batches.c.moment, batches.c.offset, batches.c.zone, batches.c.shard)
    done = Counter(map(tuple, rows(store, sa.select(*key).where(batches.c.rerun == 0))))
    assert done == Counter((d, *u, z, s) for d in days for u in uses for z in ZONES for s in range(SHARDS))
    assert not rows(store, sa.select(moves.c.number).where(moves.c.met_until.is_(None)))


def as_expected(store: Store, expected: Expected) -> None:
    """What was due is what the oracle says; who had to be met was met; nobody else."""
    due: Counter[tuple[str, dt.date]] = Counter()
    for each in rows(store, sa.select(counters.c.rule, counters.c.local_date, counters.c.due)):
        if each.rule in SCHEDULED:
            due[each.rule, each.local_date] += each.due
    for key in {*due, *expected.exact, *expected.loose}:
        least, most = expected.exact[key], expected.exact[key] + expected.loose[key]
        assert least <= due[key] <= most, f"{key}: {due[key]} due, expected {least} to {most}"
    found = {identity for identity in identities(store) if identity[0] in SCHEDULED}
    assert found <= expected.matching, f"nobody's: {sorted(found - expected.matching)[:5]}"
    assert expected.must <= found, f"lost: {sorted(expected.must - found)[:5]}"


def identities(store: Store) -> list[story.Identity]:
    columns = (decisions.c.rule, decisions.c.subject, decisions.c.occurrence)
    return [tuple(row) for row in rows(store, sa.select(*columns))]


def people_as_told(store: Store, people: Iterable[Person]) -> None:
    """Nothing that a pass writes undoes what the business told."""
    assert dict(map(tuple, rows(store, sa.select(customers.c.id, customers.c.zone)))) == {
        who.customer_id: who.zone for who in people
    }


def shifted(store: Store, people: Iterable[Person], first: dt.date, last: dt.date) -> None:
    """A corrected date gives neither two occurrences in one period nor none."""
    met: dict[str, list[dt.date]] = defaultdict(list)
    mine = sa.select(decisions.c.subject, decisions.c.local_date).where(decisions.c.rule == "shifting_patient")
    for subject, day in rows(store, mine):
        met[subject].append(day)
    span = [first + number * DAY for number in range((last - first).days + 1)]
    for who in people:
        if who.kind != "shifts":
            continue
        days, theirs = sorted(met.pop(who.subscription_id, [])), [story.recurring_days(at, span) for at in who.shifts]
        assert all(any(day in some for some in theirs) for day in days), (who, days)
        assert all((later - earlier).days >= 14 for earlier, later in pairwise(days)), (who, days)
        inner = all(any(first < day < last for day in some) for some in theirs)
        assert days or not inner, (who, "was never met")
    assert not met


def visited(store: Store, visits: Iterable[Visit], end: dt.datetime) -> None:
    """Every event is decided, missed or history, as the oracle says; its rules looked at it once, delays included."""
    visits = list(visits)
    states = dict(map(tuple, rows(store, sa.select(events.c.id, events.c.state))))
    assert states.keys() == {each.id for each in visits}
    assert {states[each.id] for each in visits if each.is_history} <= {"history"}
    fresh = [each for each in visits if not each.is_history]
    assert {states[each.id] for each in fresh} <= {"decided", "missed"}
    due = dict(
        map(tuple, rows(store, sa.select(counters.c.rule, sa.func.sum(counters.c.due)).group_by(counters.c.rule)))
    )
    found = {identity for identity in identities(store) if identity[0] in VISITS}
    for rule, delay in VISITS.items():
        mine = [each for each in fresh if each.occurred_at + delay <= end]
        assert due.get(rule, 0) == len(mine), (rule, due.get(rule, 0), len(mine))
        least = {"visit_many": 4, "visit_after": 2}.get(rule, 0)
        matching = {(rule, each.customer_id, f"visit:api:{each.id}") for each in mine if each.pages >= least}
        theirs = {identity for identity in found if identity[0] == rule}
        assert theirs <= matching, f"nobody's: {sorted(theirs - matching)[:5]}"
        assert theirs == matching or rule == "visit_never", f"lost: {sorted(matching - theirs)[:5]}"
    marked = rows(store, sa.select(delayed.c.event_id))
    delays = {each.id for each in fresh if each.occurred_at + VISITS["visit_after"] <= end}
    assert {row.event_id for row in marked} == delays


def delivered(store: Store, lines: Counter[int]) -> int:
    """Each winner arrived: once in the app, at least once in the log (`lines` by delivery). How many came again."""
    wanted = {
        (each.id, channel)
        for each in rows(store, sa.select(decisions.c.id, decisions.c.channels).where(decisions.c.slot.is_not(None)))
        for channel in each.channels
    }
    found = rows(store, sa.select(deliveries))
    assert {(each.decision_id, each.channel) for each in found} == wanted
    assert {each.state for each in found} <= {"sent"}
    assert all("body" in each.content for each in found if each.channel == "in_app")
    by_log = {each.id for each in found if each.channel == "email"}
    assert by_log == lines.keys(), "a mark without a message, or a message of nobody"
    return lines.total() - len(lines)
