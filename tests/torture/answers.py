"""A process that answers events is killed with SIGKILL under load: what it answered is there, and nothing twice.

    python -m tests.torture.answers [KILLS] [SEED]

Callers of one process tell events to its desk and note every answer in a file, right after they have it. The process is
killed at random moments and started again; the next one also tells again what the one before was not answered, as
programs do. Then each answer that was noted must be what the store holds, and told once more it must be the same.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from engine.decisions.common_counters import settle
from engine.online.desk import EventDesk
from engine.online.incoming import Answer, IncomingEvent
from engine.store.schema import upgrade
from engine.store.session import Store, open_store
from engine.store.tables import counters, decisions, deliveries, events, receipts
from tests import world
from tests.torture.kills import FORKS

NOW = dt.datetime(2026, 3, 15, 12, tzinfo=dt.UTC)
CALLERS = 16
PEOPLE = 60
SOME = 2_000
"""Bytes of answers that a process gives, at least, before it is killed."""

RULES = """
rule plans on website_visit where page like "/pricing*" offer premium via in_app priority 2
rule rich on website_visit where mrr > $20 offer backup via email, in_app
rule often on website_visit where count of website_visit in last 30 days > 3 say "Again?" via in_app priority 1
rule seen on website_visit where first_name is known tag seen
"""


def visit(caller: int, number: int) -> IncomingEvent:
    """The visit of this number of a caller; several callers tell of the same customers."""
    page = ("/pricing", "/help", "/pricing/family")[number % 3]
    customer = f"c{(caller * 5 + number * 7) % PEOPLE:04}"
    at = NOW - dt.timedelta(seconds=number % 600)
    return IncomingEvent(f"caller{caller}", str(number), "website_visit", customer, at, None, {"page": page})


def told(answer: Answer) -> list[list[Any]]:
    """What an answer says of decisions."""
    return [[line.id, line.rule, line.result, line.detail] for line in answer.decisions or ()]


def tell_until_killed(url: str, notes: Path, first: dict[int, int]) -> None:
    """Tell from the numbers `first` of each caller on, and note each answer; what is noted outlives the process."""
    store, rules = open_store(url), world.ruleset(RULES)
    desk = EventDesk(store, lambda: rules)
    file = os.open(notes, os.O_WRONLY | os.O_APPEND)

    def tell(caller: int) -> None:
        number = first[caller]
        while True:
            answer = desk.tell(visit(caller, number), NOW, decide=True)
            os.write(file, (json.dumps([caller, number, told(answer)]) + "\n").encode())
            number += 1

    threads = [threading.Thread(target=tell, args=(caller,)) for caller in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def answers_in(notes: Path) -> list[tuple[int, int, list[list[Any]]]]:
    """Caller, number and decisions of each answer; a line that the kill cut off was no answer yet."""
    lines = notes.read_text("utf-8").split("\n")[:-1]
    return [(caller, number, lines) for caller, number, lines in map(json.loads, lines)]


def make_store(url: str) -> None:
    upgrade(url)
    store = open_store(url)
    world.put(store, world.ruleset(RULES), world.world(PEOPLE), NOW - dt.timedelta(days=90))
    store.close()


def torture(folder: Path, kills: int, seed: int, url: str | None = None) -> dict[str, int]:
    """Kill so often, then look; raises AssertionError where an answer was not kept."""
    rng, notes = random.Random(seed), folder / "notes"
    url = url or f"sqlite:///{folder / 'carpe.db'}"
    make_store(url)
    notes.touch()
    first = dict.fromkeys(range(CALLERS), 0)
    for _ in range(kills):
        before = notes.stat().st_size
        process = FORKS.Process(target=tell_until_killed, args=(url, notes, dict(first)))
        process.start()
        while notes.stat().st_size < before + SOME:
            assert process.exitcode is None, "the process ended by itself"
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.4))
        process.kill()
        process.join()
        for caller, number, _ in answers_in(notes):
            first[caller] = max(first[caller], number + 1)
    store = open_store(url)
    try:
        return look(store, answers_in(notes)) | {"kills": kills}
    finally:
        store.close()


def look(store: Store, answers: list[tuple[int, int, list[list[Any]]]]) -> dict[str, int]:
    """Compare the store with the answers, and count what it holds."""
    with store.read() as connection:
        kept = {row.id: row for row in connection.execute(sa.select(decisions))}
        states = {(row.source, row.id): row.state for row in connection.execute(sa.select(events))}
        explained = set(connection.scalars(sa.select(receipts.c.decision_id)))
        sent = set(connection.scalars(sa.select(deliveries.c.decision_id)))
    for caller, number, lines in answers:
        assert states[f"caller{caller}", str(number)] == "decided"
        for key, rule, result, detail in lines:
            assert (kept[key].rule, kept[key].result, kept[key].detail) == (rule, result, detail)
    assert set(states.values()) == {"decided"}
    assert len({(row.rule, row.subject, row.occurrence) for row in kept.values()}) == len(kept)
    assert explained == set(kept)
    assert sent == {row.id for row in kept.values() if row.slot is not None}
    _tell_again(store, answers)
    _are_counted(store, len(states), Counter(row.rule for row in kept.values()))
    return {"answers": len(answers), "events": len(states), "decisions": len(kept), "deliveries": len(sent)}


def _tell_again(store: Store, answers: list[tuple[int, int, list[list[Any]]]]) -> None:
    rules = world.ruleset(RULES)
    desk = EventDesk(store, lambda: rules)
    for caller, number, lines in answers[:: max(1, len(answers) // 50)]:
        again = desk.tell(visit(caller, number), NOW, decide=True)
        assert (again.kept.state, told(again)) == ("same", lines)


def _are_counted(store: Store, happened: int, decided: Counter[str]) -> None:
    """Every rule met every event that concerned somebody; what it decided is counted once."""
    with store.write() as connection:
        settle(connection)
    with store.read() as connection:
        found = connection.execute(sa.select(counters)).all()
    for row in found:
        assert row.due == row.not_matched + row.offered + row.held + row.held_out + row.missed
        assert 0 < row.due <= happened
    assert Counter({row.rule: row.offered + row.held for row in found}) == decided
    assert len({row.due for row in found}) == 1


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 50
        print(torture(Path(place), wanted, int(sys.argv[2]) if len(sys.argv) > 2 else 1))
