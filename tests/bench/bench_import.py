"""How long a million customers and a million subscriptions take to import.

    python tests/bench/bench_import.py [ROWS] [URL]

Made-up rows (seeded; ids in random order, as an export has them) are written as CSV to a temporary folder and imported
into an empty database there: SQLite, or the empty PostgreSQL database at URL. Prints seconds and rows a second, first
for the import, then for the same import again, which finds everything unchanged.

Measured on two cores that were busy with other work (load 4), SQLite 3.40 on a disk of 290 MB/s: a million customers in
37 s (27 s of processor time), a million subscriptions with two dates each in 58 s (45 s); again, unchanged: 11 s and
19 s. About half of it is the four indexes of `dates`.
"""

from __future__ import annotations

import datetime as dt
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from dsl.catalog_reader import read_catalog
from dsl.source import Source
from engine.store.ingest.imports import Order, run_import
from engine.store.ingest.mapping import parse_mapping
from engine.store.ingest.targets import Subject
from engine.store.schema import upgrade
from engine.store.session import open_store

NOW = dt.datetime(2026, 3, 31, 12, tzinfo=dt.UTC)
CATALOG = """
currency: USD
timezone: America/New_York
country_timezones: {DE: Europe/Berlin, FR: Europe/Paris}
default_via: [email]
customer:
  first_name:    {type: text}
  email:         {type: text, personal: true}
  country:       {type: enum, values: [US, DE, FR]}
  date_of_birth: {type: date}
  marketing_ok:  {type: flag}
  satisfaction:  {type: number}
subscription:
  plan:             {type: plan}
  status:           {type: enum, values: [active, cancelled]}
  started_on:       {type: date}
  renews_on:        {type: date}
  billing_interval: {type: enum, values: [month, year]}
  mrr:              {type: money}
  seats:            {type: count}
  autopay:          {type: flag}
moments:
  billing_anniversary: {recurs: billing_interval, from: started_on}
  renewal: {date: renews_on}
  birthday: {recurs: year, from: date_of_birth}
plans:
  basic: {price: {month: 10 USD}}
  premium: {price: {month: 40 USD}}
addons:
  backup: {price: {month: 5 USD}}
channels: [email]
"""
MAPPINGS = {
    Subject.CUSTOMERS: """
attributes: {id: id, timezone: tz, first_name: name, email: email, country: country, date_of_birth: born,
  marketing_ok: consent, satisfaction: score}
""",
    Subject.SUBSCRIPTIONS: """
attributes:
  id: id
  customer: customer
  plan: {column: plan, values: {B: basic, P: premium}}
  status: {column: churned, values: {"Yes": cancelled, "No": active}}
  started_on: started
  renews_on: {column: renews, format: "%d/%m/%Y"}
  billing_interval: interval
  mrr: {column: charge, currency_column: currency}
  seats: seats
  autopay: autopay
  addons: {yes_columns: {backup: backup}}
""",
}


def pick(rng: np.random.Generator, words: list[str], rows: int) -> pa.Array:
    return pa.array(words).take(pa.array(rng.integers(0, len(words), rows)))


def days(rng: np.random.Generator, first: str, last: str, rows: int) -> pa.Array:
    start, end = np.datetime64(first), np.datetime64(last)
    return pa.array(start + rng.integers(0, int((end - start).astype(int)), rows))


def made_up(rows: int, folder: Path) -> dict[Subject, Path]:
    rng = np.random.default_rng(7)
    numbers = pa.array(rng.permutation(rows))
    ids = pc.binary_join_element_wise("C", pc.utf8_lpad(numbers.cast(pa.string()), 9, "0"), "")
    names = pick(rng, ["Anna", "Björn", "Chloé", "Dana"], rows)
    customers = {
        "id": ids,
        "tz": pick(rng, ["America/New_York", "Europe/Berlin", "Asia/Tokyo", ""], rows),
        "name": names,
        "email": pc.binary_join_element_wise(ids, "example.com", "@"),
        "country": pick(rng, ["US", "DE", "FR", ""], rows),
        "born": days(rng, "1940-01-01", "2005-01-01", rows),
        "consent": pick(rng, ["true", "false", ""], rows),
        "score": pa.array(np.round(rng.random(rows) * 10, 1)),
    }
    subscriptions = {
        "id": pc.binary_join_element_wise("S", pc.utf8_lpad(numbers.cast(pa.string()), 9, "0"), ""),
        "customer": pa.chunked_array([ids]).take(pa.array(rng.permutation(rows))).combine_chunks(),
        "plan": pick(rng, ["B", "P"], rows),
        "churned": pick(rng, ["Yes", "No"], rows),
        "started": days(rng, "2016-01-01", "2026-03-01", rows),
        "renews": pc.strftime(days(rng, "2026-04-01", "2027-03-31", rows), "%d/%m/%Y"),
        "interval": pick(rng, ["month", "year"], rows),
        "charge": pa.array(np.round(rng.random(rows) * 90 + 5, 2)),
        "currency": pick(rng, ["USD", "EUR"], rows),
        "seats": pa.array(rng.integers(1, 50, rows)),
        "autopay": pick(rng, ["true", "false"], rows),
        "backup": pick(rng, ["yes", "no"], rows),
    }
    paths = {}
    for subject, columns in ((Subject.CUSTOMERS, customers), (Subject.SUBSCRIPTIONS, subscriptions)):
        paths[subject] = folder / f"{subject}.csv"
        pa.csv.write_csv(pa.table(columns), paths[subject])
    return paths


def main(rows: int, url: str | None) -> None:
    catalog, _ = read_catalog(Source("catalog.yaml", CATALOG))
    assert catalog is not None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = made_up(rows, folder)
        url = url or f"sqlite:///{folder}/bench.db"
        upgrade(url)
        store = open_store(url)
        for turn in ("import", "again"):
            for subject, path in paths.items():
                order = Order(subject, path, parse_mapping(Source("map.yaml", MAPPINGS[subject])))
                began = time.perf_counter()
                report = run_import(store, catalog, order, NOW)
                took = time.perf_counter() - began
                counts = (
                    f"{report.changes.new:,} new, {report.changes.unchanged:,} unchanged, {report.refused:,} refused"
                )
                print(f"{turn:7} {subject:14} {took:6.1f} s  {rows / took:10,.0f} rows/s  ({counts})")
        store.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, sys.argv[2] if len(sys.argv) > 2 else None)
