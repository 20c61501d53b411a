"""A store whose customers have a past, and the same day decided twice: by a pass, and by way of a snapshot."""

from __future__ import annotations

import datetime as dt
import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import sqlalchemy as sa

from dsl.datatypes import Money
from dsl.typed import Ruleset
from engine.decisions.ledger import COUNTS
from engine.distributed.counting import by_result
from engine.distributed.counting import counters as counters_of
from engine.distributed.deciding import decide_group
from engine.distributed.export import export
from engine.distributed.layout import BATCHES, DECIDED, HAPPENED, Results
from engine.distributed.matching import DUE, GROUP, MET, look
from engine.distributed.parquet import Folder
from engine.distributed.past import ASSIGNMENT, DECISION, DELAY, EVENT, OFFER, PAST, READING, SUPPRESSION
from engine.distributed.work import Work
from engine.passes import run_pass
from engine.store.events import Event, put_events
from engine.store.inserts import insert_values
from engine.store.session import Store
from engine.store.tables import counters, decisions, deliveries, offers, readings, receipts
from tests import world

CATALOG = world.CATALOG.replace(
    "plans:\n",
    """meters:
  storage: {unit: GB, kind: gauge, quota_from: plan}
plans:
""",
).replace("{rank: 0, price: {month: 10 USD}}", "{rank: 0, price: {month: 10 USD}, quota: {storage: 100}}")

TEXT = (
    world.RULES
    + """
rule quiet on birthday where no website_visit in last 1 month or last website_visit more than 5 days ago tag quiet
rule reader on billing_anniversary where sum of seconds of website_visit in last 2 months > 60 offer backup priority 2
rule dunned on billing_anniversary where count of payment_failed where (amount > $15) in last 90 days >= 1 tag dunned
rule not_again on billing_anniversary where was offered premium in last 90 days say "Still thinking?" via email
rule full on renewal where usage of storage > 60% of quota of storage offer premium priority 5
rule everybody on 2026-02-28 where country is known say "Today, {{ first_name }}" via in_app
"""
)
RULES = world.ruleset(TEXT, CATALOG)
WORLD_FILES = {"catalog.yaml": CATALOG, "all.rules": TEXT}
FIRST = dt.datetime(2026, 1, 3, tzinfo=dt.UTC)
DAYS = (dt.date(2026, 1, 29), dt.date(2026, 2, 28))
NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def filled(store: Store, size: int = 60, seed: int = 1) -> None:
    """Customers, two months of events, readings, and the decisions of a day a month ago."""
    rng = random.Random(seed)
    made = world.world(size, seed)
    world.put(store, RULES, made, FIRST)
    told, used = [], []
    for number in range(size * 4):
        at = FIRST + dt.timedelta(minutes=rng.randrange(55 * 24 * 60))
        held = rng.choice(made.subscriptions)
        if rng.random() < 0.3:
            properties = {"amount": Money(rng.choice((1000, 2000)), "USD"), "attempt": 1}
            told.append(
                Event(f"e{number}", "payment_failed", str(held["customer.id"]), at, properties, held["subscription.id"])
            )
        else:
            seen = {"page": rng.choice(("/pricing", "/help")), "seconds": rng.choice((0.1, 39.9, 70.0))}
            told.append(Event(f"e{number}", "website_visit", f"c{rng.randrange(size):04}", at, seen))
        if number % 3 == 0:
            row = {"subscription_id": held["subscription.id"], "meter": "storage", "read_at": at}
            used.append(row | {"used": float(rng.randrange(120)), "quota": None, "recorded_at": NOW})
    with store.write() as connection:
        put_events(connection, RULES.catalog, told, NOW)
        insert_values(connection, readings, list({(r["subscription_id"], r["read_at"]): r for r in used}.values()))
    run_pass(store, RULES, NOW, day=DAYS[0])


def everything(store: Store, day: dt.date | None = None) -> dict[str, list[tuple[Any, ...]]]:
    """What a day's decisions (all of them) left, byte for byte, summed over passes and without their numbers."""
    of_day = sa.true() if day is None else decisions.c.local_date == day
    counted_day = sa.true() if day is None else counters.c.local_date == day
    mine = [column for column in decisions.c if column.name not in ("pass_id", "decided_at")]
    with store.read() as connection:
        made = sa.select(*mine).where(of_day).order_by(decisions.c.id)
        why = sa.select(receipts).join(decisions).where(of_day).order_by(receipts.c.decision_id)
        sent = sa.select(*(column for column in deliveries.c if column.name != "id")).join(decisions).where(of_day)
        key = (counters.c.rule, counters.c.moment, counters.c.offset)
        counted = sa.select(*key, *(sa.cast(sa.func.sum(counters.c[name]), sa.Integer) for name in COUNTS))
        counted = counted.where(counted_day).group_by(*key)
        standing = [column for column in offers.c if column.name not in ("made_at", "state_at", "expires_at")]
        open_ = sa.select(*standing).join(decisions).where(of_day).order_by(offers.c.id)
        tables = {"decisions": made, "receipts": why, "deliveries": sent, "counters": counted, "offers": open_}
        found = {name: [tuple(row) for row in connection.execute(query)] for name, query in tables.items()}
    return {name: sorted(_text(row) for row in rows) for name, rows in found.items()}  # type: ignore


def _text(row: tuple[Any, ...]) -> str:
    """A row as JSON. PostgreSQL writes the number 1e308 with all its digits, which is the same number."""
    return json.dumps(json.loads(json.dumps(row, default=str), parse_int=_number), sort_keys=True)


def _number(digits: str) -> int | float:
    return int(digits) if len(digits) < 18 else float(digits)


def read(folder: Path, name: str) -> pa.Table:
    return ds.dataset(folder / name, format="parquet", partitioning="hive").to_table()


def pairs_of(folder: Path, work: Work) -> pa.Table:
    """Customers and subscriptions of a snapshot joined by a plain loop."""
    held: dict[str, list[dict[str, Any]]] = {}
    for row in read(folder, "subscriptions").to_pylist():
        held.setdefault(row["customer.id"], []).append(row)
    rows = [
        one | each
        for one in read(folder, "customers").to_pylist()
        for each in held.get(one["customer.id"], [{}])
        if not one["moved"]
    ]
    return pa.Table.from_pylist(rows, work.columns())


def past_of(folder: Path) -> pa.Table:
    """All of the past, whatever rules ask."""
    rows = [row | {"kind": DECISION, "at": row["due_at"]} for row in read(folder, "decisions").to_pylist()]
    rows += [row | {"kind": EVENT, "at": row["occurred_at"]} for row in read(folder, "events").to_pylist()]
    rows += [
        row | {"kind": READING, "at": row["read_at"], "moment": row["meter"]}
        for row in read(folder, "readings").to_pylist()
    ]
    rows += [row | {"kind": SUPPRESSION, "moment": row["channel"]} for row in read(folder, "suppressions").to_pylist()]
    rows += [
        {"kind": ASSIGNMENT, "customer.id": row["customer.id"], "moment": row["experiment"], "result": row["arm"]}
        for row in read(folder, "assignments").to_pylist()
    ]
    rows += [row | {"kind": DELAY, "at": row["occurred_at"]} for row in read(folder, "delayed").to_pylist()]
    renamed = {"product": "offer", "state": "result", "state_at": "at", "expires_at": "until"}
    rows += [
        {renamed.get(name, name): value for name, value in row.items()} | {"kind": OFFER}
        for row in read(folder, "offers").to_pylist()
    ]
    return pa.Table.from_pylist(rows, PAST)


def decided(work: Work, folder: Path) -> tuple[pa.Table, pa.Table]:
    """The whole snapshot as one group, without Spark: what is found, and what the first look left."""
    past = past_of(folder)
    return decide_looked(work, looked_at(work, pairs_of(folder, work), past), past)


def looked_at(work: Work, pairs: pa.Table, past: pa.Table) -> pa.Table:
    """The first look, at rows in any order."""
    happened = past.filter(pc.equal(past["kind"], EVENT))["customer.id"]
    pairs = pairs.sort_by("customer.id").append_column(GROUP, pa.nulls(pairs.num_rows, pa.int32()))
    pairs = pairs.append_column(MET, pc.is_in(pairs["customer.id"], happened))
    return pa.concat_tables(look(work, iter(pairs.to_batches(max_chunksize=50))))


def decide_looked(work: Work, seen: pa.Table, past: pa.Table) -> tuple[pa.Table, pa.Table]:
    """What is left is decided with the past of those who are left."""
    left = seen.filter(pc.is_null(seen[DUE]))
    return decide_group(work, left, past.filter(pc.is_in(past["customer.id"], left["customer.id"]))), seen


def write_results(work: Work, state: Path, out: Path, made_of: tuple[pa.Table, pa.Table]) -> None:
    """What Spark would write of a group's rows, by plain loops."""
    found, seen = made_of
    due: dict[Any, int] = {}
    again: dict[Any, int] = {}
    made: dict[Any, int] = {}
    by_shard: dict[int, list[dict[str, Any]]] = {}
    met = found.filter(pc.equal(found["what"], "event")).select(HAPPENED.names)
    for row in found.to_pylist():
        key = (row["moment"], row["offset"], row["zone"], row["shard"])
        match row["what"]:
            case "again":
                again[key, row["rule"]] = again.get((key, row["rule"]), 0) + row["count"]
            case "decision" if row["event"] is not None:
                by_shard.setdefault(row["shard"], []).append(row)
            case "decision":
                made[key, row["rule"], row["result"]] = made.get((key, row["rule"], row["result"]), 0) + 1
                by_shard.setdefault(row["shard"], []).append(row)
    for row in seen.filter(pc.is_valid(seen[DUE])).to_pylist():
        key = (row["moment"], row["offset"], row["zone"], row["shard"])
        due[key] = due.get(key, 0) + row[DUE]
    for shard, rows in by_shard.items():
        with Folder(out / "decisions" / f"shard={shard}") as folder:
            folder.add(pa.Table.from_pylist(rows, pa.schema([each for each in DECIDED if each.name != "shard"])))
    with Folder(out / "counters") as folder:
        folder.add(counters_of(work, due, again, by_result(made)))
    with Folder(out / "events") as folder:
        folder.add(met)
    said = read(state, "manifest").to_pylist()[0]
    decided_rows = sum(map(len, by_shard.values()))
    snapshot = said["moves_seen"], tuple(said["zones"])
    told = Results(work.ruleset.digest, work.day, work.now, *snapshot, decided_rows, met.num_rows)
    with Folder(out / "manifest") as folder:
        folder.add(told.table())


def decide_and_write(
    store: Store, folder: Path, day: dt.date = DAYS[1], now: dt.datetime = NOW, rules: Ruleset = RULES
) -> Path:
    """A snapshot of the store, decided as one group, as results in a folder."""
    state, out = folder / f"state-{day}", folder / f"out-{day}"
    manifest = export(store, rules.catalog, state, now)
    done = read(state, "batches").filter(pc.equal(pc.field("local_date"), day)).select(BATCHES.names[1:]).to_pylist()
    answers = tuple(tuple(row.values()) for row in read(state, "offer_counts").to_pylist())
    work = Work(rules, day, now, frozenset(manifest.paused), frozenset(tuple(row.values()) for row in done), answers)
    write_results(work, state, out, decided(work, state))
    return out
