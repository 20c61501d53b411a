"""The contact policy once more, when deliveries are claimed: what may leave now, later, or never.

Time has passed since it was decided: a customer may have withdrawn consent, declined the product, or come onto the list
of those who are not to be written to, and it may be night where they live. A delivery is asked about without the
contact that it belongs to, so a customer's contacts are asked one after the other, the latest first: of two that are
too many together the earlier stays.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from engine.contacts import columns
from engine.contacts.check import Before, check
from engine.contacts.columns import NOTHING, Candidates, Contacts, Declines, Ints
from engine.contacts.policy import flags, leave
from engine.decisions import reasons
from engine.decisions.asked import Asked
from engine.decisions.contacted import micros, reach
from engine.decisions.facts import Reach
from engine.decisions.rule_table import RuleTable
from engine.deliveries.finished import Finished, put_off, withheld, write_finished
from engine.store.bulk import among
from engine.store.state import CustomerState, customer_states
from engine.store.tables import decisions

Claimed = Sequence[sa.Row[Any]]


@dataclass(frozen=True, slots=True)
class _Asking:
    """Some deliveries with their decisions and customers, at most one decision a customer."""

    rules: RuleTable
    deliveries: Claimed
    decided: Sequence[sa.Row[Any]]
    people: Mapping[str, CustomerState]


def check_claimed(connection: sa.Connection, rules: RuleTable, claimed: Claimed, now: dt.datetime) -> list[Finished]:
    """Those of the claimed deliveries that must not leave, or not now: written down already.

    The deliveries of customers who are no more are left to whoever renders them.
    """
    people = customer_states(connection, rules.catalog, sorted({each.customer_id for each in claimed}))
    mine = sorted({each.decision_id for each in claimed})
    found = connection.execute(sa.select(decisions).where(among(connection, decisions.c.id, mine))).all()
    decided = {each.id: each for each in found}
    finished: list[Finished] = []
    for some in _one_decision_each([each for each in claimed if each.customer_id in people], decided):
        asking = _Asking(rules, some, [decided[each.decision_id] for each in some], people)
        stopped = list(_stopped(connection, asking, now))
        write_finished(connection, stopped)
        finished.extend(stopped)
    return finished


def _one_decision_each(claimed: Claimed, decided: Mapping[str, sa.Row[Any]]) -> Iterator[Claimed]:
    """The deliveries in turns, in each of which a customer has one decision, the latest first."""
    by_decision = defaultdict(list)
    for each in claimed:
        by_decision[each.decision_id].append(each)
    latest_first = sorted(by_decision, key=lambda key: (decided[key].due_at, decided[key].slot or 0, key), reverse=True)
    turns: list[list[sa.Row[Any]]] = []
    before: Counter[str] = Counter()
    for key in latest_first:
        customer = decided[key].customer_id
        turns += [[]] if before[customer] == len(turns) else []
        turns[before[customer]] += by_decision[key]
        before[customer] += 1
    yield from turns


def _stopped(connection: sa.Connection, asking: _Asking, now: dt.datetime) -> Iterator[Finished]:
    policy = asking.rules.contact_policy
    candidates, before = _candidates(connection, asking, now)
    verdict = check(candidates, before, policy)
    for number, delivery in enumerate(asking.deliveries):
        if delivery.channel not in policy.channels:
            yield withheld(delivery, f"there is no channel {delivery.channel} any more", now)
            continue
        if not verdict.open[number]:
            cause = verdict.causes[verdict.cause[number]]
            yield withheld(delivery, reasons.sentence(cause.reason, cause.detail), now)
            continue
        waits = verdict.send_at.get(policy.channels.index(delivery.channel))
        if waits is not None and waits[number] > micros(now):
            yield put_off(delivery, dt.datetime.fromtimestamp(int(waits[number]) / 1e6, dt.UTC))


def _candidates(connection: sa.Connection, asking: _Asking, now: dt.datetime) -> tuple[Candidates, Before]:
    """One a delivery, on its channel alone, and what was before but for the contacts of these deliveries."""
    rules, decided = asking.rules, asking.decided
    known = _reach(connection, asking)
    rule = _ints([rules.number.get(each.rule, NOTHING) for each in decided])
    marketing = [number == NOTHING or bool(rules.needs_consent[number]) for number in rule]
    purpose = np.where(marketing, columns.MARKETING, columns.SERVICE).astype(np.int64)
    bits = [rules.contact_policy.bits([each.channel]) for each in asking.deliveries]
    candidates = Candidates(
        known.customer,
        rule,
        _ints([rules.product_number.get(each.offer, NOTHING) for each in decided]),
        purpose,
        np.array(bits, np.uint64),
        known.leave.consented(np.arange(len(decided)), purpose),
        known.leave.unsuppressed,
        known.at,
        np.full(len(decided), micros(now), np.int64),
        known.zone,
        known.zones,
    )
    others = _without_own(known.contacted.contacts, candidates)
    return candidates, Before(others, known.contacted.declines)


def _reach(connection: sa.Connection, asking: _Asking) -> Reach:
    states = [asking.people[each.customer_id] for each in asking.deliveries]
    people, zones = sorted(asking.people), sorted({state.zone for state in states})
    asked = Asked(
        asking.rules,
        (),
        tuple(people),
        _ints([people.index(state.id) for state in states]),
        [each.subscription_id for each in asking.decided],
        _ints([micros(each.due_at) for each in asking.decided]),
        _ints([zones.index(state.zone) for state in states]),
        tuple(zones),
        _ints(()),
        _ints(()),
    )
    read = {
        flag: pa.array([state.customer.get(f"customer.{flag}") for state in states], pa.bool_())
        for flag in flags(asking.rules.catalog.policies)
    }
    if (found := reach(connection, asked, read)) is not None:
        return found
    left = leave(asking.rules.contact_policy, read, len(states))
    return Reach(asked.customer, asked.at, asked.zone, asked.zones, left, Before(Contacts.none(), Declines.none()))


def _without_own(contacts: Contacts, candidates: Candidates) -> Contacts:
    own = set(zip(candidates.customer.tolist(), candidates.rule.tolist(), candidates.at.tolist(), strict=True))
    keys = zip(contacts.customer.tolist(), contacts.rule.tolist(), contacts.at.tolist(), strict=True)
    others: list[bool] = []
    for key, is_ghost in zip(keys, contacts.ghost.tolist(), strict=True):
        others.append(is_ghost or key not in own)
        if not others[-1]:
            own.discard(key)
    return contacts.some(np.array(others, np.bool_))


def _ints(values: Sequence[int]) -> Ints:
    return np.array(values, np.int64)
