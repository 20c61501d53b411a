"""Reruns: a person orders one rule to be tried again on a day that is done, and says why.

What the rule offered or said that day stays; what was held, did not match or was missed is decided again, as if the day
came now. So the counters lose first what they counted of it; then a pass goes through the day with this rule alone. The
order is a row, each shard a row of the ledger: an order that was cut short goes on where it stopped.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from dsl.typed import MomentUse, Rule
from engine.decisions.common_counters import settle
from engine.decisions.occasions import Part
from engine.passes.claims import claim
from engine.passes.deciding import Due, decide_due
from engine.passes.happened import due_after
from engine.passes.scheduled import due_table
from engine.passes.this_pass import Pass
from engine.passes.work import zones
from engine.simulation.day_events import day_events
from engine.store.tables import counters, customers, decisions, missed, receipts, reruns

_WHOLE, _EVERYWHERE = MomentUse("rerun"), "UTC"
"""The names, in the ledger, of all that an order tries again of a shard."""


def order(this: Pass, rule: Rule, day: dt.date, reason: str) -> int:
    """The number of the order, with its reason: a new one, or one for this rule and day that is not finished."""
    with this.write() as connection:
        open_order = sa.and_(reruns.c.rule == rule.name, reruns.c.local_date == day, reruns.c.finished_at.is_(None))
        number = connection.scalar(sa.select(reruns.c.id).where(open_order))
        if number is not None:
            return int(number)
        settle(connection)
        _forget_what_is_tried_again(connection, rule.name, day)
        values = {"rule": rule.name, "local_date": day, "reason": reason, "ordered_at": this.now}
        made: int = connection.scalars(sa.insert(reruns).values(values).returning(reruns.c.id)).one()
        return made


def rerun_shard(this: Pass, rule: Rule, day: dt.date, number: int, shard: int) -> None:
    """Try the rule on the shard's occurrences of the day, unless this order did so before."""
    with this.write() as connection:
        if not claim(connection, this, [_WHOLE], day, [_EVERYWHERE], shard, number):
            return
        _undo_held(connection, rule.name, day, shard)
        parts = [*_scheduled(connection, this, rule, day, shard), *_happened(connection, this, rule, day, shard)]
        decide_due(connection, this.plans, Due(parts, {}), this.now, this.report)


def finish(this: Pass, number: int) -> None:
    with this.write() as connection:
        connection.execute(reruns.update().where(reruns.c.id == number).values(finished_at=this.now))


def _scheduled(connection: sa.Connection, this: Pass, rule: Rule, day: dt.date, shard: int) -> Iterator[Part]:
    here = zones(connection)
    for use in this.plans.scheduled(day):
        table = due_table(connection, this, use, day, here, shard, (rule,))
        if table.num_rows:
            yield this.part(connection, use, day, table, (rule,))


def _happened(connection: sa.Connection, this: Pass, rule: Rule, day: dt.date, shard: int) -> Sequence[Part]:
    found = {
        use: [
            event
            for event in day_events(connection, use.moment, day, use.delay)
            if event.shard == shard and event.state != "history" and event.occurred_at + use.delay <= this.now
        ]
        for use in this.plans.happening()
    }
    return due_after(connection, this, found).parts


def _forget_what_is_tried_again(connection: sa.Connection, rule: str, day: dt.date) -> None:
    """What did not match or was missed is due anew in the pass to come, and no more in those that were."""
    mine = sa.and_(counters.c.rule == rule, counters.c.local_date == day)
    again = counters.c.not_matched + counters.c.missed
    connection.execute(counters.update().where(mine).values(due=counters.c.due - again, not_matched=0, missed=0))
    connection.execute(missed.delete().where(missed.c.rule == rule, missed.c.local_date == day))


def _undo_held(connection: sa.Connection, rule: str, day: dt.date, shard: int) -> None:
    """Takes back the rule's held decisions of the shard's customers: they were never met."""
    people = sa.select(customers.c.id).where(customers.c.shard == shard)
    held = sa.and_(
        decisions.c.rule == rule,
        decisions.c.local_date == day,
        decisions.c.result == "held",
        decisions.c.customer_id.in_(people),
    )
    key = ("moment", "offset", "pass_id")
    found = connection.execute(sa.select(decisions.c.id, *(decisions.c[name] for name in key)).where(held)).all()
    ids = sa.select(decisions.c.id).where(held)
    connection.execute(receipts.delete().where(receipts.c.decision_id.in_(ids)))
    connection.execute(decisions.delete().where(held))
    for (moment, offset, pass_id), count in Counter(
        (row.moment, row.offset, row.pass_id or 0) for row in found
    ).items():
        mine = sa.and_(
            counters.c.rule == rule,
            counters.c.local_date == day,
            counters.c.moment == moment,
            counters.c.offset == offset,
            counters.c.pass_id == pass_id,
        )
        less = {"due": counters.c.due - count, "held": counters.c.held - count}
        connection.execute(counters.update().where(mine).values(less))
