"""Imports: good rows land, bad ones are told with row, column, value and reason; a second run changes nothing."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import json
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from dsl.catalog import Catalog
from dsl.datatypes import DataType, Kind, Money
from dsl.products import PriceList
from dsl.source import Source
from engine.errors import ImportFailed
from engine.store import tables
from engine.store.ingest import blocks
from engine.store.ingest.imports import Order, Report, run_import
from engine.store.ingest.mapping import parse_mapping
from engine.store.ingest.targets import Subject
from engine.store.schema import upgrade
from engine.store.session import Store, open_store
from engine.store.state import customer_rows, customer_states, put_customers, put_subscriptions

NOW = dt.datetime(2026, 3, 31, 12, tzinfo=dt.UTC)
Importer = Callable[..., Report]


@pytest.fixture
def rejects(tmp_path: Path) -> Path:
    return tmp_path / "rejects.csv"


@pytest.fixture
def run(store: Store, shop: Catalog, tmp_path: Path, rejects: Path) -> Importer:
    """Imports a text as a file of that name: run("customers", "a.csv", "id\\nanna\\n", mapping)."""

    def imported(
        subject: str, name: str, content: str | bytes, mapping: str | None = None, *, dry: bool = False
    ) -> Report:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else textwrap.dedent(content).lstrip("\n").encode())
        mapped = parse_mapping(Source("map.yaml", textwrap.dedent(mapping))) if mapping else None
        return run_import(store, shop, Order(Subject(subject), path, mapped, None, rejects, dry), NOW)

    return imported


def told(rejects: Path) -> list[tuple[str, str, str, str]]:
    with rejects.open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["row", "column", "value", "reason"]
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def counts(report: Report) -> tuple[int, int, int, int, int]:
    changes = report.changes
    return report.rows, changes.new, changes.changed, changes.unchanged, report.refused


def ids(store: Store, table: Any) -> set[str]:
    with store.read() as connection:
        return set(connection.execute(select(table.c.id)).scalars())


PEOPLE = """
    id,first_name,country,date_of_birth,interests,marketing_ok,satisfaction,timezone,tags
    anna,Anna,DE,2000-02-29,sport;film,true,7.5,,vip
    bob, Bob ,US,,,no,,Asia/Tokyo,
    chloé,,,1999-12-31,,,0,,
"""


# --- what lands ------------------------------------------------------------------------------------------------------


def test_columns_called_like_attributes_are_taken_as_they_are(run: Importer, store: Store, shop: Catalog) -> None:
    assert counts(run("customers", "people.csv", PEOPLE)) == (3, 3, 0, 0, 0)
    with store.read() as connection:
        states = customer_states(connection, shop, ["anna", "bob", "chloé"])
    assert states["anna"].customer == {
        "customer.id": "anna",
        "customer.first_name": "Anna",
        "customer.country": "DE",
        "customer.date_of_birth": dt.date(2000, 2, 29),
        "customer.interests": frozenset({"sport", "film"}),
        "customer.marketing_ok": True,
        "customer.satisfaction": 7.5,
        "customer.tags": frozenset({"vip"}),
    }
    assert states["bob"].customer == {
        "customer.id": "bob",
        "customer.first_name": "Bob",
        "customer.country": "US",
        "customer.marketing_ok": False,
        "customer.timezone": "Asia/Tokyo",
        "customer.tags": frozenset(),
    }
    assert {key: state.zone for key, state in states.items()} == {
        "anna": "Europe/Berlin",
        "bob": "Asia/Tokyo",
        "chloé": "America/New_York",
    }


def test_an_import_equals_putting_the_same_rows(run: Importer, store: Store, shop: Catalog) -> None:
    """The columns' way to the store and the rows' way write the same bytes."""
    run("customers", "people.csv", PEOPLE)
    with store.write() as connection:
        states = customer_states(connection, shop, ["anna", "bob", "chloé"])
        assert put_customers(connection, shop, [state.customer for state in states.values()], NOW).unchanged == 3


def test_the_same_file_again_changes_nothing(run: Importer, store: Store) -> None:
    run("customers", "people.csv", PEOPLE)
    assert counts(run("customers", "people.csv", PEOPLE)) == (3, 0, 0, 3, 0)
    assert ids(store, tables.customers_history) == set()


def test_a_changed_row_changes_what_the_file_speaks_of(run: Importer, store: Store, shop: Catalog) -> None:
    run("customers", "people.csv", PEOPLE)
    assert counts(run("customers", "survey.csv", "id,satisfaction\nanna,9\nbob,\n")) == (2, 0, 1, 1, 0)
    with store.read() as connection:
        state = customer_rows(connection, shop, "anna")
    assert state is not None
    assert state.customer["customer.satisfaction"] == 9.0
    assert state.customer["customer.first_name"] == "Anna"
    assert state.customer["customer.tags"] == frozenset({"vip"})
    assert state.zone == "Europe/Berlin"
    assert ids(store, tables.customers_history) == {"anna"}


def test_an_empty_cell_takes_a_value_away(run: Importer, store: Store, shop: Catalog) -> None:
    run("customers", "people.csv", PEOPLE)
    run("customers", "survey.csv", "id,satisfaction\nanna,\n")
    with store.read() as connection:
        state = customer_rows(connection, shop, "anna")
    assert state is not None
    assert "customer.satisfaction" not in state.customer


MAPPING = """
    as_of: 2026-03-31
    blank: [NA]
    attributes:
      id: {template: "{Region}-{Account}"}
      customer: Who
      plan: {column: Plan, values: {Gold: premium, Bronze: basic}}
      status: {constant: active}
      started_on: {column: Months, elapsed: months}
      renews_on: {column: Renews, format: "%d.%m.%Y"}
      mrr: {column: Charge, currency_column: Cur}
      discount: {column: Rebate, unit: share}
      addons: {yes_columns: {Backup: backup, Space: storage_plus}, yes: ["Yes"], no: ["No", No internet]}
"""
SUBSCRIPTIONS = """
    Region,Account,Who,Plan,Months,Renews,Charge,Cur,Rebate,Backup,Space,Unused
    eu,1,anna,Gold,13,30.04.2026,29.85,EUR,0.2,Yes,No internet,x
    us,2,bob,Bronze,1,NA, ,USD,,Yes,Yes,x
    us,3,bob,basic,0,,1000,JPY,1,No,,x
"""


def test_a_mapping_does_everything_at_once(run: Importer, store: Store, shop: Catalog) -> None:
    run("customers", "people.csv", PEOPLE)
    assert counts(run("subscriptions", "subs.csv", SUBSCRIPTIONS, MAPPING)) == (3, 3, 0, 0, 0)
    with store.read() as connection:
        states = customer_states(connection, shop, ["anna", "bob"])
    (gold,) = states["anna"].subscriptions
    bronze, free = states["bob"].subscriptions
    assert gold == {
        "subscription.id": "eu-1",
        "subscription.plan": "premium",
        "subscription.status": "active",
        "subscription.started_on": dt.date(2025, 2, 28),
        "subscription.renews_on": dt.date(2026, 4, 30),
        "subscription.mrr": Money(2985, "EUR"),
        "subscription.discount": Decimal(20),
        "subscription.currency": "EUR",
        "subscription.addons": frozenset({"backup"}),
    }
    assert bronze["subscription.addons"] == frozenset({"backup", "storage_plus"})
    assert bronze.keys() & {"subscription.renews_on", "subscription.mrr", "subscription.discount"} == set()
    assert free["subscription.mrr"] == Money(1000, "JPY")
    assert free["subscription.discount"] == Decimal(100)
    assert free["subscription.started_on"] == dt.date(2026, 3, 31)
    with store.write() as connection:
        held = [row | {"customer.id": key} for key, state in states.items() for row in state.subscriptions]
        assert put_subscriptions(connection, shop, held, NOW).unchanged == 3


def test_csv_json_lines_and_parquet_are_the_same(run: Importer, store: Store, tmp_path: Path) -> None:
    rows = [
        {
            "id": "a",
            "satisfaction": 0.1,
            "marketing_ok": True,
            "date_of_birth": "2000-02-29",
            "first_name": "Zoe\u0308",
        },
        {"id": "b", "satisfaction": None, "marketing_ok": False, "date_of_birth": None, "first_name": 'x "y" \\ ,z'},
    ]
    lines = "\n".join(json.dumps(row) for row in rows)
    assert counts(run("customers", "p.jsonl", lines + "\n\n")) == (2, 2, 0, 0, 0)
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    columns["date_of_birth"] = [
        None if day is None else dt.date.fromisoformat(str(day)) for day in columns["date_of_birth"]
    ]
    pq.write_table(
        pa.table(columns | {"interests": pa.array([None, None], pa.list_(pa.string()))}), tmp_path / "p.parquet"
    )
    assert counts(run("customers", "p.parquet", (tmp_path / "p.parquet").read_bytes())) == (2, 0, 0, 2, 0)
    text = 'id,satisfaction,marketing_ok,date_of_birth,first_name\na,0.1,true,2000-02-29,Zoë\nb,,no,,"x ""y"" \\ ,z"\n'
    assert counts(run("customers", "p.csv", "\ufeff" + text)) == (2, 0, 0, 2, 0)
    assert counts(run("customers", "p.csv.gz", gzip.compress(text.encode()))) == (2, 0, 0, 2, 0)


def test_an_empty_set_is_known_where_a_file_can_say_it(run: Importer, store: Store, shop: Catalog) -> None:
    run("customers", "p.jsonl", '{"id": "a", "interests": []}\n{"id": "b", "interests": ["film"]}\n{"id": "c"}\n')
    with store.read() as connection:
        states = customer_states(connection, shop, ["a", "b", "c"])
    assert states["a"].customer["customer.interests"] == frozenset()
    assert states["b"].customer["customer.interests"] == frozenset({"film"})
    assert "customer.interests" not in states["c"].customer


def test_nested_json_and_parquet_types(run: Importer, store: Store, shop: Catalog, tmp_path: Path) -> None:
    mapping = "attributes: {id: who.id, satisfaction: scores.latest, date_of_birth: born}"
    run("customers", "p.jsonl", '{"who": {"id": 7}, "scores": {"latest": 1e1}, "born": "2000-01-02"}\n', mapping)
    table = pa.table(
        {
            "who.id": pa.array([7], pa.int32()),
            "scores.latest": pa.array([Decimal("10.00")]),
            "born": pa.array([dt.date(2000, 1, 2)]).cast(pa.timestamp("us")),
        }
    )
    pq.write_table(table, tmp_path / "p.parquet")
    assert counts(run("customers", "p.parquet", (tmp_path / "p.parquet").read_bytes(), mapping)) == (1, 0, 0, 1, 0)


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "column", "value", "reason"),
    [
        ("x,abc,,,,", "satisfaction", "abc", "is not a number"),
        ("x,NaN,,,,", "satisfaction", "NaN", "is not a finite number"),
        ("x,-inf,,,,", "satisfaction", "-inf", "is not a finite number"),
        ("x,,1970-01-01,,,", "date_of_birth", "1970-01-01", "is 1970-01-01, which stands for a missing date"),
        ("x,,1066-10-14,,,", "date_of_birth", "1066-10-14", "is absurdly far away"),
        ("x,,2023-02-29,,,", "date_of_birth", "2023-02-29", "is a day that does not exist"),
        ("x,,,Germany,,", "country", "Germany", "is not one of US, DE, JP or NO"),
        ("x,,,,maybe,", "marketing_ok", "maybe", "is neither yes nor no"),
        ("x,,,,,sprot", "interests", "sprot", "is not one of sport, music or film (did you mean sport?)"),
        (",,,,,", "id", "", "is missing"),
        (" ,,,,,", "id", "", "is missing"),
        ("x" * 201 + ",,,,,", "id", "x" * 201, "is longer than 200 characters"),
        ("x\x00y,,,,,", "id", "x\x00y", "has an unreadable character (U+0000)"),
        ("x,1", "", "x,1", "has 2 cells where the header has 6"),
        ("x,,,,,,", "", "x,,,,,,", "has 7 cells where the header has 6"),
        ("good,,,,,", "id", "good", "is the id of an earlier row of the file"),
    ],
)
def test_a_bad_row_is_told_and_the_others_land(
    run: Importer, store: Store, rejects: Path, cells: str, column: str, value: str, reason: str
) -> None:
    head = "id,satisfaction,date_of_birth,country,marketing_ok,interests"
    report = run("customers", "p.csv", f"{head}\ngood,1,2000-01-01,DE,yes,film\n{cells}\nalso,,,,,\n")
    assert counts(report) == (3, 2, 0, 0, 1)
    ((row, where, what, why),) = told(rejects)
    assert (row, where, what) == ("3", column, value)
    assert why.startswith(reason)
    assert ids(store, tables.customers) == {"good", "also"}


def test_stray_bytes_are_one_bad_row(run: Importer, store: Store, rejects: Path) -> None:
    assert counts(run("customers", "p.csv", b"id,first_name\na,Ren\xe9\nb,Ren\xc3\xa9\n")) == (2, 1, 0, 0, 1)
    assert told(rejects) == [("2", "first_name", "Ren\\xe9", "has bytes that are no UTF-8")]
    assert counts(run("customers", "p.jsonl", b'{"id": "c"}\n{"id": "\xff"}\n{"id": "d"}\n')) == (3, 2, 0, 0, 1)
    assert [row for row, *_ in told(rejects)] == ["2"]


def test_lines_that_are_no_objects(run: Importer, rejects: Path) -> None:
    lines = '{"id": "a"}\n[1]\n{"id": \n"text"\n{"id": "b", "satisfaction": NaN}\n' + "[" * 100_000 + "\n"
    assert counts(run("customers", "p.jsonl", lines)) == (6, 1, 0, 0, 5)
    assert [(row, why) for row, _, _, why in told(rejects)] == [
        ("2", "is no JSON object"),
        ("3", "is no JSON"),
        ("4", "is no JSON object"),
        ("5", "is not a finite number"),
        ("6", "is no JSON"),
    ]


def test_a_row_with_two_faults_counts_once(run: Importer, rejects: Path) -> None:
    report = run("customers", "p.csv", "id,satisfaction,country\na,abc,XX\n")
    assert counts(report) == (1, 0, 0, 0, 1)
    assert [column for _, column, _, _ in told(rejects)] == ["satisfaction", "country"]
    assert sum(report.reasons.values()) == 2


def test_the_first_good_row_of_an_id_lands(run: Importer, store: Store, rejects: Path) -> None:
    report = run("customers", "p.csv", "id,satisfaction\na,bad\na,1\na,2\n")
    assert counts(report) == (3, 1, 0, 0, 2)
    assert [(row, column) for row, column, _, _ in told(rejects)] == [("2", "satisfaction"), ("4", "id")]


@pytest.mark.parametrize(
    ("cells", "column", "reason"),
    [
        ("s,nobody,,,", "customer", "is no customer in the store"),
        ("s,anna,premuim,,", "plan", "is no plan of the catalog (did you mean premium?)"),
        ("s,anna,,29.855,", "mrr", "has more decimals than USD has"),
        ("s,anna,,99999999999999999999,", "mrr", "is too large"),
        ("s,anna,,,3.5", "seats", "is not a whole number"),
        ("s,,,,", "customer", "is missing"),
    ],
)
def test_bad_subscriptions(run: Importer, rejects: Path, cells: str, column: str, reason: str) -> None:
    run("customers", "people.csv", PEOPLE)
    report = run("subscriptions", "s.csv", f"id,customer,plan,mrr,seats\n{cells}\ngood,anna,basic,5,1\n")
    assert counts(report) == (2, 1, 0, 0, 1)
    ((row, where, _, why),) = told(rejects)
    assert (row, where) == ("2", column)
    assert why.startswith(reason)


def test_an_invalid_time_zone_is_told_and_not_refused(run: Importer, store: Store) -> None:
    report = run("customers", "p.csv", "id,timezone,country\na,Mars/Olympus,DE\nb,Mars/Olympus,\nc,Europe/Paris,\n")
    assert counts(report) == (3, 3, 0, 0, 0)
    assert report.changes.zones_invalid == 2
    assert report.warnings == {"“Mars/Olympus” is no time zone": 2}


def test_columns_that_nobody_reads_are_named(run: Importer) -> None:
    assert run("customers", "p.csv", "id,colour,satisfation\na,red,5\n").ignored == ("colour", "satisfation")


def test_a_dry_run_writes_nothing_and_says_the_same(run: Importer, store: Store, rejects: Path) -> None:
    text = "id,satisfaction\na,1\nb,bad\na,2\n"
    dry = run("customers", "p.csv", text, dry=True)
    assert ids(store, tables.customers) == set()
    assert len(told(rejects)) == 2
    assert dry.to_json() == run("customers", "p.csv", text).to_json()


def test_the_rejects_of_the_run_before_are_gone(run: Importer, rejects: Path) -> None:
    run("customers", "p.csv", "id,satisfaction\na,bad\n")
    assert rejects.exists()
    run("customers", "p.csv", "id,satisfaction\na,1\n")
    assert not rejects.exists()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("p.csv", b"", "cannot be read as csv"),
        ("p.csv", b"id,id\na,b\n", "two columns called id"),
        ("p.csv", b"i\x00d\n", "column names"),
        ("p.parquet", b"not parquet", "cannot be read as parquet"),
        ("p.xlsx", b"PK", "--format csv, jsonl or parquet"),
        ("p.csv", b"name\nAnna\n", "nothing says what id is"),
        ("p.jsonl", b"", "nothing says what id is"),
    ],
)
def test_a_file_that_cannot_be_read(run: Importer, name: str, content: bytes, says: str) -> None:
    with pytest.raises(ImportFailed, match=says) as error:
        run("customers", name, content)
    assert "\n" not in str(error.value)


def test_a_quotation_mark_that_nothing_closes(run: Importer, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 4096)
    lines = [f"c{number},x" for number in range(4000)]
    lines[1000] = 'c1000,"open'
    with pytest.raises(ImportFailed, match="after row 1001: a quotation mark opens there"):
        run("customers", "p.csv", "\n".join(["id,first_name", *lines]))
    assert len(ids(store, tables.customers)) == 1000


def test_a_missing_file(store: Store, shop: Catalog, tmp_path: Path) -> None:
    with pytest.raises(ImportFailed, match=r"none\.csv cannot be read: No such file"):
        run_import(store, shop, Order(Subject.CUSTOMERS, tmp_path / "none.csv"), NOW)


def test_a_header_alone_is_an_empty_import(run: Importer) -> None:
    assert counts(run("customers", "p.csv", "id\n")) == (0, 0, 0, 0, 0)


def test_a_changed_catalog_is_followed_and_told(run: Importer, store: Store, shop: Catalog, tmp_path: Path) -> None:
    run("customers", "people.csv", PEOPLE)
    country = replace(shop.customer["country"], type=DataType(Kind.ENUM, ("US", "JP")))
    smaller = replace(shop, customer=dict(shop.customer) | {"country": country})
    report = run_import(store, smaller, Order(Subject.CUSTOMERS, tmp_path / "people.csv"), NOW)
    assert report.warnings == {"customer.country: was taken out where it does not fit the catalog any more": 1}
    assert report.reasons == {"country: is not one of US or JP": 1}


# --- many rows -------------------------------------------------------------------------------------------------------

CELLS = {
    "id": (st.integers(0, 40).map(lambda number: f"c{number}"), st.sampled_from(["", " ", "x" * 201, "a\x07"])),
    "satisfaction": (st.sampled_from(["", "1", "2.50", "-3e2"]), st.sampled_from(["NaN", "x", "1_0", "1e999"])),
    "country": (st.sampled_from(["", "US", "NO"]), st.sampled_from(["us", "Norway", "false"])),
    "date_of_birth": (st.sampled_from(["", "2000-02-29"]), st.sampled_from(["1970-01-01", "2001-02-29", "0"])),
    "marketing_ok": (st.sampled_from(["", "yes", "0"]), st.sampled_from(["maybe", "2"])),
}
row_of_cells = st.fixed_dictionaries(
    {
        name: st.tuples(st.booleans(), good, bad).map(lambda one: (one[0], one[1 if one[0] else 2]))
        for name, (good, bad) in CELLS.items()
    }
)
mostly_good = st.fixed_dictionaries({name: good.map(lambda text: (True, text)) for name, (good, _) in CELLS.items()})


@given(st.lists(st.one_of(mostly_good, row_of_cells), max_size=12))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_good_rows_land_and_bad_ones_are_told(
    run: Importer, store: Store, rejects: Path, rows: list[dict[str, tuple[bool, str]]]
) -> None:
    """The oracle knows which cells are good because it made them so; it has no parser."""
    with store.write() as connection:
        for table in (tables.dates, tables.customers_history, tables.customers):
            connection.execute(table.delete())
    lines = [",".join(row[name][1] for name in CELLS) for row in rows]
    report = run("customers", "p.csv", "\n".join([",".join(CELLS), *lines]) + "\n")
    landed: dict[str, dict[str, str]] = {}
    refused = set()
    for number, row in enumerate(rows, 2):
        key = row["id"][1]
        if all(good for good, _ in row.values()) and key not in landed:
            landed[key] = {name: text for name, (_, text) in row.items() if text}
        else:
            refused.add(str(number))
    assert counts(report) == (len(rows), len(landed), 0, 0, len(refused))
    assert {row for row, *_ in told(rejects)} == refused if refused else not rejects.exists()
    with store.read() as connection:
        documents = select(tables.customers.c.id, tables.customers.c.attributes)
        found = {row[0]: row[1] for row in connection.execute(documents)}
    assert found.keys() == landed.keys()
    for key, document in found.items():
        assert document.keys() == landed[key].keys() - {"id"}
    again = run("customers", "p.csv", "\n".join([",".join(CELLS), *lines]) + "\n")
    assert counts(again) == (len(rows), 0, 0, len(landed), len(refused))


def test_blocks_keep_their_row_numbers(
    run: Importer, store: Store, rejects: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 4096)
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 100)
    lines = [f"c{number},{'bad' if number % 97 == 0 else number}" for number in range(5000)]
    lines[1234] = "torn"
    lines[4999] = "c0,7"  # its first row was refused, so this one lands
    assert counts(run("customers", "p.csv", "id,satisfaction\n" + "\n".join(lines))) == (5000, 4947, 0, 0, 53)
    expected = {str(number + 2) for number in range(0, 4999, 97)} | {"1236"}
    assert {row for row, *_ in told(rejects)} == expected
    report = run("customers", "p.jsonl", "\n".join(json.dumps({"id": line.split(",")[0]}) for line in lines))
    assert counts(report)[0] == 5000
    assert counts(report)[4] == 1  # c0 twice


def test_a_crash_leaves_whole_blocks_only(tmp_path: Path, shop: Catalog) -> None:
    """The process dies between statements; what is there is a prefix of whole blocks, and a second run completes it."""
    url = f"sqlite:///{tmp_path / 'carpe.db'}"
    upgrade(url)
    path = tmp_path / "p.csv"
    path.write_text(
        "id,date_of_birth\n" + "".join(f"c{number:05},2000-01-0{number % 9 + 1}\n" for number in range(3000))
    )
    script = """
import os, sys
from pathlib import Path
from dsl.catalog_reader import read_catalog
from dsl.source import Source
from engine.store import upsert
from engine.store.ingest import blocks
from engine.store.ingest.imports import Order, run_import
from engine.store.ingest.targets import Subject
from engine.store.session import open_store
import datetime as dt

url, path, catalog, dies_at = sys.argv[1:]
blocks.BLOCK_BYTES = 8192
calls = 0
real = upsert.insert_rows

def dying(*arguments):
    global calls
    calls += 1
    if calls == int(dies_at):
        os._exit(9)
    real(*arguments)

upsert.insert_rows = dying
shop, _ = read_catalog(Source("catalog.yaml", Path(catalog).read_text()))
run_import(open_store(url), shop, Order(Subject.CUSTOMERS, Path(path)), dt.datetime(2026, 3, 31, tzinfo=dt.UTC))
"""
    catalog = Path(__file__).parent / "mappings" / "shop_catalog.yaml"
    for dies_at, whole in (("1", 0), ("2", 0), ("6", 2)):  # two inserts a block: the customers, their dates
        command = [sys.executable, "-c", script, url, str(path), str(catalog), dies_at]
        assert subprocess.run(command, check=False).returncode == 9
        store = open_store(url)
        with store.read() as connection:
            dates = set(connection.execute(select(tables.dates.c.subject)).scalars())
        people = ids(store, tables.customers)
        store.close()
        assert people == dates == {f"c{number:05}" for number in range(len(people))}
        assert abs(len(people) * 18 - whole * 8192) <= 3 * 18  # a row is 18 bytes
    store = open_store(url)
    report = run_import(store, shop, Order(Subject.CUSTOMERS, path), NOW)
    assert report.changes.new + report.changes.unchanged == 3000
    assert len(ids(store, tables.customers)) == 3000
    store.close()


# --- events ----------------------------------------------------------------------------------------------------------

EVENTS = """
    id,moment,customer,subscription,occurred_at,page,seconds,amount,attempt
    e1,website_visit,anna,,2026-03-31T09:00:00Z,/pricing,20.5,,
    e2,payment_failed,anna,s1,2025-01-01T09:00:00+02:00,,,29.85,2
    e3,website_visit,anna,,2026-04-02T09:00:00Z,/,,,
    e4,website_visti,anna,,2026-03-31T09:00:00Z,/,,,
    e5,website_visit,nobody,,2026-03-31T09:00:00Z,/,,,
    e6,payment_failed,anna,,2026-03-31T09:00:00Z,,,5,1
    e7,website_visit,anna,,2026-03-31T09:00:00Z,/,,5,
    e1,website_visit,anna,,2026-03-31T09:00:00Z,/other,,,
"""


def test_events(run: Importer, store: Store, shop: Catalog, rejects: Path) -> None:
    run("customers", "people.csv", PEOPLE)
    run("subscriptions", "s.csv", "id,customer\ns1,anna\n")
    report = run("events", "e.csv", EVENTS)
    assert counts(report) == (8, 2, 0, 0, 6)
    assert (report.pending, report.history, report.late) == (1, 1, {"payment_failed"})
    assert [(row, column, why.split(" (")[0]) for row, column, _, why in told(rejects)] == [
        ("4", "occurred_at", "is in the future, by more than the 5 minutes clocks may differ"),
        ("5", "moment", "is no event of the catalog"),
        ("6", "customer", "there is no such customer"),
        ("7", "subscription", "payment_failed belongs to a subscription: say which"),
        ("8", "amount", "is no property of website_visit"),
        ("9", "id", "this id was recorded before with another body"),
    ]
    with store.read() as connection:
        first, second = connection.execute(select(tables.events).order_by(tables.events.c.id)).all()
    assert (first.source, first.state, first.properties) == ("import", "pending", {"page": "/pricing", "seconds": 20.5})
    assert (second.state, second.properties) == ("history", {"amount": [2985, "USD"], "attempt": 2})
    assert second.occurred_at == dt.datetime(2025, 1, 1, 7, tzinfo=dt.UTC)
    assert counts(run("events", "e.csv", EVENTS)) == (8, 0, 0, 2, 6)


# --- in which currency -----------------------------------------------------------------------------------------------


def test_a_subscription_without_a_currency_pays_in_its_customers_price_lists(
    store: Store, shop: Catalog, tmp_path: Path
) -> None:
    """Else in the catalog's; one that is known stays in its own, and an amount that names a currency says it."""
    lists = PriceList("germany", "EUR", {"country": ("DE",)}, None, {})
    own = replace(shop, price_lists={"students": PriceList("students", "JPY", {}, "s", {}), "germany": lists})
    people = [{"customer.id": name, "customer.country": where} for name, where in (("anna", "DE"), ("bob", "US"))]
    with store.write() as connection:
        put_customers(connection, own, [*people, {"customer.id": "cleo"}], NOW)
        known = {"subscription.id": "old", "customer.id": "anna", "subscription.currency": "USD"}
        put_subscriptions(connection, own, [known, {"subscription.id": "put", "customer.id": "anna"}], NOW)
    path = tmp_path / "subscriptions.csv"
    path.write_text("id,customer,mrr\na,anna,9.99\nb,bob,10\nc,cleo,\nd,anna,7 USD\nold,anna,5\n")
    report = run_import(store, own, Order(Subject.SUBSCRIPTIONS, path), NOW)
    with store.read() as connection:
        states = customer_states(connection, own, ["anna", "bob", "cleo"])
    found = {
        row["subscription.id"]: (row["subscription.currency"], row.get("subscription.mrr"))
        for state in states.values()
        for row in state.subscriptions
    }
    assert found == {
        "a": ("EUR", Money(999, "EUR")),
        "b": ("USD", Money(1000, "USD")),
        "c": ("USD", None),
        "d": ("USD", Money(700, "USD")),
        "old": ("USD", Money(500, "USD")),
        "put": ("EUR", None),
    }
    assert report.warnings == {
        "without a currency: EUR is taken, that of the price list germany": 1,
        "without a currency: USD is taken, the catalog's": 2,
    }
    again = run_import(store, own, Order(Subject.SUBSCRIPTIONS, path), NOW)
    assert (again.changes.unchanged, again.warnings) == (5, {})
