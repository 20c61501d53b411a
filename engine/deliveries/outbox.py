"""The outbox: deliveries written with their decisions, carried out afterwards, each finished once.

A worker claims some, renders and sends them, and writes down what became of each. A worker that dies leaves its claims
to run out; the next takes them up. The contact policy is asked again when deliveries are claimed. An offer of which no
message could leave was never made: it is withdrawn.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import sqlalchemy as sa

from dsl.datatypes import Value
from dsl.messages import Rendered
from dsl.typed import Ruleset
from engine.deliveries.channels import Channel, Outgoing, Undeliverable
from engine.deliveries.channels.in_app import InApp
from engine.deliveries.channels.log import Log
from engine.deliveries.claim_check import check_claimed
from engine.deliveries.finished import Finished, failed, sent, tried_again, withheld, write_finished
from engine.deliveries.presenting import Promise, broken, decided_actions, gone, present, promises
from engine.deliveries.rendering import MessageFailed, compose
from engine.offers.withdrawing import withdraw_undelivered
from engine.pauses import EVERYTHING, paused
from engine.plans import plans_of
from engine.pricing.price_facts import Priced
from engine.privacy import personal_keys
from engine.store.documents import decode
from engine.store.rows import joined
from engine.store.session import Store
from engine.store.state import customer_rows
from engine.store.tables import decisions, deliveries

CLAIM = dt.timedelta(minutes=5)
"""How long a worker may take over what it claimed."""

RETRIES = (dt.timedelta(minutes=1), dt.timedelta(minutes=10), dt.timedelta(hours=1), dt.timedelta(hours=6))
"""How long to wait after each failed attempt; after the last the delivery has failed."""

CHANNELS: Mapping[str, Channel] = {"in_app": InApp(), "agent_screen": InApp()}
"""Channels with a transport of their own; the others are written to the log."""


Check = Callable[[sa.Connection], None]
"""Asked first whenever deliveries are claimed: raises a CarpeError where this process may not deliver (any more)."""


class Composed(NamedTuple):
    """A message as its customer reads it, and with personal values masked, for receipts."""

    plain: Rendered
    masked: Rendered


def deliver(
    store: Store,
    ruleset: Ruleset,
    now: dt.datetime,
    *,
    batch: int = 200,
    check: Check = lambda connection: None,
) -> dict[str, int]:
    """Carry out everything pending that is due, but for rules that are paused.

    Counts by state: sent, withheld, failed, pending (to try again).
    """
    counts: dict[str, int] = {}
    while step(store, ruleset, now, batch, counts, check):
        pass
    return counts


def step(store: Store, ruleset: Ruleset, now: dt.datetime, batch: int, counts: dict[str, int], check: Check) -> bool:
    """1. Claim up to `batch` deliveries, and withhold or put off what the contact policy does not let leave now.
    2. Render and send each of the others. 3. Write what became of them, in one transaction.

    True if there was work. What was sent is written down even where `check` would not have more claimed by now.
    """
    with store.write() as connection:
        check(connection)
        claimed = _claim(connection, now, batch)
        if not claimed:
            return False
        stopped = check_claimed(connection, plans_of(ruleset).rule_table, claimed, now)
        withdraw_undelivered(connection, _lost(claimed, stopped), now)
    kept = {each.id for each in stopped}
    finished = _send_all(store, ruleset, [each for each in claimed if each.id not in kept], now)
    with store.write() as connection:
        write_finished(connection, finished)
        withdraw_undelivered(connection, _lost(claimed, finished), now)
    for each in (*stopped, *finished):
        counts[each.values["state"]] = counts.get(each.values["state"], 0) + 1
    return True


def _lost(claimed: Sequence[sa.Row[Any]], finished: Sequence[Finished]) -> list[str]:
    """The decisions of the deliveries that will never leave."""
    over = {each.id for each in finished if each.is_lost}
    return sorted({each.decision_id for each in claimed if each.id in over})


def _claim(connection: sa.Connection, now: dt.datetime, batch: int) -> Sequence[sa.Row[Any]]:
    free = sa.or_(deliveries.c.claimed_until.is_(None), deliveries.c.claimed_until <= now)
    due = sa.and_(deliveries.c.state == "pending", deliveries.c.due_at <= now, free, *_not_paused(connection))
    chosen = sa.select(deliveries.c.id).where(due).order_by(deliveries.c.due_at, deliveries.c.id).limit(batch)
    return connection.execute(
        deliveries.update()
        .where(deliveries.c.id.in_(chosen.with_for_update(skip_locked=True)), due)
        .values(claimed_until=now + CLAIM, attempts=deliveries.c.attempts + 1)
        .returning(deliveries)
    ).all()


def _not_paused(connection: sa.Connection) -> Sequence[sa.ColumnElement[bool]]:
    """What keeps the deliveries of paused rules where they are."""
    waiting = paused(connection)
    if EVERYTHING in waiting:
        return (sa.false(),)
    theirs = sa.exists().where(decisions.c.id == deliveries.c.decision_id, decisions.c.rule.in_(sorted(waiting)))
    return (~theirs,) if waiting else ()


def _send_all(store: Store, ruleset: Ruleset, claimed: Sequence[sa.Row[Any]], now: dt.datetime) -> list[Finished]:
    with store.read() as connection:
        promised = promises(connection, sorted({each.decision_id for each in claimed}), now)
        composed = [(each, _compose(connection, ruleset, each, promised[each.decision_id], now)) for each in claimed]
    return [_send(each, message, now) for each, message in composed]


def _compose(
    connection: sa.Connection, ruleset: Ruleset, delivery: sa.Row[Any], promise: Promise, now: dt.datetime
) -> Composed | str:
    """The rendered message, or the reason why there is none."""
    content = delivery.content
    state = customer_rows(connection, ruleset.catalog, delivery.customer_id)
    if state is None:
        return "the customer was erased"
    row = joined(state, content["subscription"]) | _event(ruleset, content)
    day, presented = dt.date.fromisoformat(content["day"]), None
    if content["offer"]:
        asked = Priced(state.id, content["subscription"], state.zone, promise.due_at, day, row)
        plans_of(ruleset).price_facts.put(connection, [asked])
        presented = present(ruleset.catalog, decided_actions(ruleset, promise), content["offer"], row, day)
        if presented is None:
            return gone(content["offer"], promise)
        if reason := broken(promise, presented, now):
            return reason
    told = ruleset, content["message"], row, day, presented
    try:
        hide = personal_keys(ruleset.catalog)
        return Composed(compose(*told, channel=delivery.channel), compose(*told, hide=hide, channel=delivery.channel))
    except MessageFailed as error:
        return str(error)


def _event(ruleset: Ruleset, content: Mapping[str, Any]) -> dict[str, Value]:
    """The event's properties as they were decided on."""
    declared = ruleset.catalog.moments.get(content["moment"])
    types = declared.properties if declared else {}
    return {f"event.{name}": decode(types[name], value) for name, value in content["event"].items() if name in types}


def _send(delivery: sa.Row[Any], message: Composed | str, now: dt.datetime) -> Finished:
    if isinstance(message, str):
        return withheld(delivery, message, now)
    channel = CHANNELS.get(delivery.channel, Log())
    plain = message.plain
    try:
        channel.send(Outgoing(delivery.id, delivery.channel, delivery.customer_id, plain.subject, plain.body))
    except Undeliverable as error:
        return _not_sent(delivery, error, now)
    content = delivery.content | {"shown": asdict(message.masked)}
    if channel.keeps_text:
        content |= asdict(plain)
    return sent(delivery, content, now)


def _not_sent(delivery: sa.Row[Any], error: Undeliverable, now: dt.datetime) -> Finished:
    if error.permanent or delivery.attempts > len(RETRIES):
        return failed(delivery, error.reason, now)
    return tried_again(delivery, error.reason, now + RETRIES[delivery.attempts - 1])
