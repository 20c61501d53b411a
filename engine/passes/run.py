"""A pass: everything that is due and not done is matched, decided and written, a shard of customers at a time.

    due → match → decide → allot → commit

1. The frontiers of the zones tell the local days that are due and not done (`work`): one where passes are on time,
   many after an outage. A person may order one day for everybody instead.
2. For each day and shard the ledger of batches says which moments are still to do in which zones. They are claimed
   there in the same transaction that writes their decisions (`claims`, `scheduled`): a second process waits, then finds
   nothing left. What is too late for a rule is counted as missed.
3. Whose calendar changed after a batch was finished is looked at again (`late`).
4. Events that wait are decided the same way, their state turned in the same transaction (`waiting`), and what is met
   some time after an event (`delays`).

A killed pass leaves whole batches behind and nothing else; the next pass takes up what is left.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from zoneinfo import ZoneInfo

from dsl.typed import Rule, Ruleset
from engine.passes import rerun
from engine.passes.delays import decide_delayed
from engine.passes.late import decide_late, forget_passing
from engine.passes.report import PassReport
from engine.passes.scheduled import decide_shard
from engine.passes.this_pass import Check, Pass, Progress
from engine.passes.waiting import decide_waiting
from engine.passes.work import Day, advance, days_due, idle, one_day, zones
from engine.plans import Plans, plans_of
from engine.store.reindex import is_indexed, reindex
from engine.store.session import Store
from engine.store.snapshot.refresh import keep_fresh
from engine.store.tables import SHARDS


def _silent(done: int, total: int, rows: int = 0) -> None:
    """Nobody watches the pass."""


def run_pass(
    store: Store,
    ruleset: Ruleset,
    now: dt.datetime,
    *,
    day: dt.date | None = None,
    progress: Progress = _silent,
    check: Check = lambda connection: None,
) -> PassReport:
    """Decide all that is due at `now`, or on every customer's local `day`. Running it again decides nothing new."""
    as_of = day or now.astimezone(ZoneInfo(ruleset.catalog.timezone)).date()
    this = Pass(store, plans_of(ruleset), now, "day" if day else "tick", PassReport(None, as_of), check)
    _prepare(this)
    _decide_scheduled(this, day, progress)
    while decide_waiting(this, day):
        pass
    for use in this.plans.happening():
        while use.delay and decide_delayed(this, use, day):
            pass
    this.finish()
    return this.report


def run_again(
    store: Store,
    ruleset: Ruleset,
    rule: Rule,
    day: dt.date,
    reason: str,
    now: dt.datetime,
    *,
    progress: Progress = _silent,
    check: Check = lambda connection: None,
) -> PassReport:
    """Try one rule again on a local day that is done; what it offered or said that day stays."""
    alone = Plans(replace(ruleset, rules=(rule,)))
    this = Pass(store, alone, now, "rerun", PassReport(None, day), check)
    _prepare(this)
    number = rerun.order(this, rule, day, reason)
    for shard in range(SHARDS):
        progress(shard, SHARDS, this.report.moments.total())
        rerun.rerun_shard(this, rule, day, number, shard)
    rerun.finish(this, number)
    this.finish()
    progress(SHARDS, SHARDS)
    return this.report


def _prepare(this: Pass) -> None:
    """The dates are those of this catalog; a pass that a person orders has a number whatever it finds."""
    with this.store.read() as connection:
        ready = is_indexed(connection, this.catalog)
    if ready and this.kind == "tick":
        return
    with this.write() as connection:
        reindex(connection, this.catalog, this.now)
        if this.kind != "tick":
            this.number(connection)


def _decide_scheduled(this: Pass, day: dt.date | None, progress: Progress) -> None:
    send_at = this.catalog.policies.send_at
    with this.store.read() as connection:
        days = one_day(connection, day) if day else days_due(connection, this.now, send_at)
    if days:
        keep_fresh(this.store, this.catalog)
    total = len(days) * SHARDS
    for done, each in enumerate(days):
        for shard in range(SHARDS):
            progress(done * SHARDS + shard, total, this.report.moments.total())
            with this.write() as connection:
                decide_shard(connection, this, each.day, each.zones, shard)
        if day is None:
            _is_done(this, each)
    progress(total, total, this.report.moments.total())
    if day is None:
        _look_again(this)


def _is_done(this: Pass, day: Day) -> None:
    with this.write() as connection:
        advance(connection, dict.fromkeys(day.zones, day.day))


def _look_again(this: Pass) -> None:
    """At those who came too late for their batch; and nobody waits in zones that nobody lives by."""
    looked = [shard for shard in range(SHARDS) if decide_late(this, shard)]
    for shard in looked:
        while decide_late(this, shard):
            pass
    if looked:
        forget_passing(this)
    with this.store.read() as connection:
        left = idle(connection, this.now, this.catalog.policies.send_at, zones(connection))
    if left:
        with this.write() as connection:
            advance(connection, left)
