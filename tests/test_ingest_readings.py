"""`carpe import readings` and `carpe import events --live`: what lands, what is told, what is asked first."""

from __future__ import annotations

import csv
import datetime as dt
import json
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from meter_world import CATALOG, RULES, settle, subscription
from sqlalchemy import select

from engine.cli import importing, live_import
from engine.cli.main import main
from engine.store.session import open_store
from engine.store.tables import events, readings
from tests.conftest import make_tables

NOW = dt.datetime(2026, 3, 15, 12, tzinfo=dt.UTC)

USAGE = """\
subscription,meter,read_at,used
s0,uploads,2026-03-14T13:00:00Z,85
s1,uploads,2026-02-01,101
s0,uploads,2026-03-14T12:30:00Z,40
s0,uploads,2026-03-15T12:00:00Z,90
s0,storag,2026-03-15T12:00:00Z,1
s999,storage,2026-03-15T12:00:00Z,1
s0,storage,2026-03-15T12:00:00Z,-1
s0,storage,2026-03-15T12:06:00Z,1
s0,storage,1970-01-01T00:00:00Z,1
s0,storage,2026-03-15T12:00:00Z,NaN
s0,storage,,1
"""

REASONS = [
    ("6", "meter", "is not one of storage, uploads or visits (did you mean storage?)"),
    ("7", "subscription", "there is no such subscription"),
    ("8", "used", "is not what a meter can read: 0 or more"),
    ("9", "read_at", "is in the future, by more than the 5 minutes clocks may differ"),
    ("10", "read_at", "is 1970-01-01, which stands for a missing date in many systems"),
    ("11", "used", "is not a finite number"),
    ("12", "read_at", "is missing"),
]


class Carpe:
    """The command, at noon of a known day, in a folder with 120 customers who have a subscription each."""

    def __init__(self, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.here, self.monkeypatch, self.capsys = here, monkeypatch, capsys
        (here / "rules").mkdir()
        (here / "rules" / "catalog.yaml").write_text(CATALOG)
        (here / "rules" / "all.rules").write_text(RULES)
        make_tables(here / "carpe.db")
        people = [(f"c{number}", "Europe/Berlin") for number in range(120)]
        self.store = open_store("sqlite:///carpe.db")
        settle(self.store, people, [subscription(f"s{key[1:]}", key) for key, _ in people], NOW)

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        self.monkeypatch.setattr(sys, "argv", ["carpe", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = self.capsys.readouterr()
        return int(ended.value.code or 0), out, err

    def rows(self, table: Any) -> list[Any]:
        with self.store.read() as connection:
            return list(connection.execute(select(table)))


@pytest.fixture
def carpe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Carpe:
    monkeypatch.chdir(tmp_path)
    for name in ("CARPE_DATABASE", "CARPE_RULES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(importing, "utc_now", lambda: NOW)
    return Carpe(tmp_path, monkeypatch, capsys)


# --- readings --------------------------------------------------------------------------------------------------------


def test_readings_from_a_file(carpe: Carpe) -> None:
    (carpe.here / "usage.csv").write_text(USAGE)
    code, out, _ = carpe("import", "readings", "usage.csv")
    assert code == 1
    assert out.splitlines()[:3] == [
        "11 rows of usage.csv: 4 new, 0 changed, 0 unchanged, 7 refused.",
        "2 crossings are fresh: the next run decides them.",
        "3 crossings are history (older than 1 day): conditions count them, no rule meets them.",
    ]
    with (carpe.here / "usage.csv.rejects.csv").open(newline="") as file:
        assert [(row, column, why) for row, column, _, why in [*csv.reader(file)][1:]] == REASONS
    assert {row.id.partition(":")[0]: row.state for row in carpe.rows(events)} == {"s0": "pending", "s1": "history"}
    assert len(carpe.rows(readings)) == 4
    code, out, _ = carpe("import", "readings", "usage.csv")
    assert out.splitlines()[:2] == [
        "11 rows of usage.csv: 0 new, 0 changed, 4 unchanged, 7 refused.",
        "2 rows are older than the latest reading of the meter: nothing changed.",
    ]


def test_a_dry_run_tells_and_writes_nothing(carpe: Carpe) -> None:
    (carpe.here / "usage.csv").write_text(USAGE)
    _, out, _ = carpe("import", "readings", "usage.csv", "--dry-run", "--json")
    report = json.loads(out)
    assert (report["new"], report["pending"], report["history"], report["refused"]) == (4, 2, 3, 7)
    assert (carpe.rows(readings), carpe.rows(events)) == ([], [])


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_other_forms_and_a_mapping(carpe: Carpe, form: str) -> None:
    rows = [{"acct": 0, "mb": 300.0, "at": 1773572400.0}, {"acct": 1, "mb": 299.0, "at": 1773572400.0}]
    path = carpe.here / f"usage.{form}"
    if form == "jsonl":
        path.write_text("\n".join(map(json.dumps, rows)))
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    (carpe.here / "map.yaml").write_text(
        "attributes:\n  subscription: {template: 's{acct}'}\n  meter: {constant: storage}\n"
        "  used: {column: mb, times: '0.001'}\n  read_at: {column: at, unit: seconds}\n"
    )
    code, out, err = carpe("import", "readings", path.name, "--map", "map.yaml")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == f"2 rows of usage.{form}: 2 new, 0 changed, 0 unchanged, 0 refused."
    assert sorted(row.used for row in carpe.rows(readings)) == [0.299, 0.3]
    levels = {row.id.split(":")[3] for row in carpe.rows(events) if row.id.startswith("s0:")}
    assert levels == {"72.5", "80"}  # 300 MB are 80% of 0.375 GB, exactly


def test_without_meters_there_is_nothing_to_read(carpe: Carpe) -> None:
    (carpe.here / "rules" / "catalog.yaml").write_text("currency: USD\ntimezone: UTC\nchannels: [email]\n")
    (carpe.here / "usage.csv").write_text(USAGE)
    code, out, err = carpe("import", "readings", "usage.csv")
    assert (code, out) == (2, "")
    assert "the catalog declares no meters" in err


# --- events, live ----------------------------------------------------------------------------------------------------


def visits(carpe: Carpe, customers: int, days: int = 40) -> str:
    at = (NOW - dt.timedelta(days=days)).isoformat()
    lines = [f"v{number},visit,c{number},{at}" for number in range(customers)]
    (carpe.here / "visits.csv").write_text("\n".join(["id,moment,customer,occurred_at", *lines]))
    return "visits.csv"


def test_old_events_are_history_and_said_to_be(carpe: Carpe) -> None:
    code, out, _ = carpe("import", "events", visits(carpe, 2))
    assert code == 0
    assert "2 new events are history (older than 1 day): conditions count them, no rule meets them." in out
    assert {row.state for row in carpe.rows(events)} == {"history"}


def test_rules_say_how_long_ago_is_history(carpe: Carpe) -> None:
    with (carpe.here / "rules" / "all.rules").open("a") as file:
        file.write('rule patient on visit say "Hello again." via in_app catch up within 3 days\n')
    _, out, _ = carpe("import", "events", visits(carpe, 1, days=3))
    assert "1 new event is fresh: the next run decides it." in out
    _, out, _ = carpe("import", "events", visits(carpe, 2, days=4))
    assert "1 new event is history (older than 3 days): conditions count it, no rule meets it." in out


@pytest.mark.parametrize(("customers", "arguments"), [(100, ()), (120, ("--yes",))])
def test_live_makes_moments_of_old_events(carpe: Carpe, customers: int, arguments: tuple[str, ...]) -> None:
    code, out, _ = carpe("import", "events", visits(carpe, customers), "--live", *arguments)
    assert code == 0
    first, second, third = out.splitlines()
    assert first == f"Rules listen to {customers} new events of {customers} customers in this file (visit {customers})."
    assert second.startswith(f"{customers} rows of visits.csv: {customers} new")
    assert third == f"{customers} new events are fresh: the next run decides them."
    assert {row.state for row in carpe.rows(events)} == {"live"}


def test_live_for_many_needs_somebody_who_agrees(carpe: Carpe) -> None:
    command = ("import", "events", visits(carpe, 101), "--live")
    code, _, err = carpe(*command)
    assert code == 2
    assert err == (
        "carpe: Rules may contact 101 customers because of this import; if that is meant, say it with --yes."
        " Nothing was imported.\n"
    )
    assert carpe.rows(events) == []
    assert carpe(*command, "--dry-run")[0] == 0
    assert carpe.rows(events) == []


@pytest.mark.parametrize("agrees", [True, False])
def test_on_a_terminal_live_asks(carpe: Carpe, monkeypatch: pytest.MonkeyPatch, agrees: bool) -> None:
    asked: list[str] = []

    def confirm(question: str, **_: object) -> bool:
        asked.append(question)
        return agrees

    monkeypatch.setattr(live_import.click, "confirm", confirm)
    monkeypatch.setattr(live_import.sys, "stdin", type("Terminal", (), {"isatty": lambda self: True})())
    code, _, err = carpe("import", "events", visits(carpe, 101), "--live")
    assert asked == ["Let rules meet them all?"]
    assert (code, len(carpe.rows(events))) == ((0, 101) if agrees else (2, 0))
    assert err == ("" if agrees else "carpe: Nothing was imported.\n")


def test_live_counts_only_what_rules_listen_to(carpe: Carpe) -> None:
    (carpe.here / "rules" / "all.rules").write_text(RULES.replace("rule seen on visit", "rule seen on nearly"))
    code, out, _ = carpe("import", "events", visits(carpe, 120), "--live")
    assert code == 0
    assert out.splitlines()[0] == "No rule listens to the new events of this file."
