"""The Telco churn sample through its mappings: counts are verified by another way that only knows the csv module."""

from __future__ import annotations

import csv
import datetime as dt
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Text, cast, func, select

from dsl.catalog import Catalog, Owner
from dsl.catalog_reader import read_catalog
from dsl.datatypes import DataType, Kind
from dsl.source import Source
from dsl.typed import Attribute
from engine.moments.calendar import full_months
from engine.store.columns import raw_columns, read_columns
from engine.store.ingest.imports import Order, Report, run_import
from engine.store.ingest.mapping import read_mapping
from engine.store.ingest.targets import Subject
from engine.store.schema import upgrade
from engine.store.session import Store, open_store
from engine.store.tables import subscriptions

MAPPINGS = Path(__file__).parent / "mappings"
DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "telco_customer_churn.csv"
AS_OF = dt.date(2026, 3, 31)
NOW = dt.datetime(2026, 3, 31, 12, tzinfo=dt.UTC)
ROWS = 7043

pytestmark = pytest.mark.skipif(not DATA.is_file(), reason="needs ../shared/data/telco_customer_churn.csv")


def telco() -> Catalog:
    path = MAPPINGS / "telco_catalog.yaml"
    catalog, diagnostics = read_catalog(Source(path.name, path.read_text()))
    assert catalog is not None
    assert not diagnostics
    return catalog


def run(store: Store, subject: Subject) -> Report:
    return run_import(store, telco(), Order(subject, DATA, read_mapping(MAPPINGS / f"telco_{subject}.yaml")), NOW)


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    url = f"sqlite:///{tmp_path_factory.mktemp('telco') / 'telco.db'}"
    upgrade(url)
    store = open_store(url)
    for subject in (Subject.CUSTOMERS, Subject.SUBSCRIPTIONS):
        report = run(store, subject)
        assert (report.rows, report.changes.new, report.refused) == (ROWS, ROWS, 0)
    yield store
    store.close()


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with DATA.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def columns(imported: Store) -> dict[str, list[object]]:
    kinds = {
        "started_on": Kind.DATE,
        "status": Kind.ENUM,
        "plan": Kind.PLAN,
        "contract": Kind.ENUM,
        "payment_method": Kind.ENUM,
        "paperless": Kind.FLAG,
        "mrr": Kind.MONEY,
        "billed": Kind.MONEY,
        "addons": Kind.SET,
    }
    attributes = [Attribute(Owner.SUBSCRIPTION, name, DataType(kind)) for name, kind in kinds.items()]
    with imported.read() as connection:
        found = connection.execute(select(*raw_columns(attributes)).select_from(subscriptions)).all()
    table = read_columns(found, attributes)
    return {name.removeprefix("subscription."): table[name].to_pylist() for name in table.column_names}


def test_tenure_over_twelve_months(columns: dict[str, list[object]]) -> None:
    """The figures of the issue: 4,857 of all, 4,025 of those that did not churn."""
    tenures = [full_months(start, AS_OF) for start in columns["started_on"] if isinstance(start, dt.date)]
    long = [tenure > 12 for tenure in tenures]
    assert sum(long) == 4857
    assert sum(one and status != "cancelled" for one, status in zip(long, columns["status"], strict=True)) == 4025


def test_every_tenure_is_the_files(columns: dict[str, list[object]], rows: list[dict[str, str]]) -> None:
    tenures = Counter(full_months(start, AS_OF) for start in columns["started_on"] if isinstance(start, dt.date))
    assert tenures == Counter(int(row["tenure"]) for row in rows)


def test_money_is_exact(columns: dict[str, list[object]], rows: list[dict[str, str]]) -> None:
    assert Counter(columns["mrr"]) == Counter(int(Decimal(row["MonthlyCharges"]) * 100) for row in rows)
    assert set(columns["mrr.currency"]) == {"USD"}
    billed = [row["TotalCharges"] for row in rows]
    assert columns["billed"].count(None) == billed.count(" ") == 11
    known = [minor for minor in columns["billed"] if isinstance(minor, int)]
    assert sum(known) == sum(int(Decimal(text) * 100) for text in billed if text.strip())


@pytest.mark.parametrize(
    ("attribute", "value", "column", "text", "count"),
    [
        ("status", "cancelled", "Churn", "Yes", 1869),
        ("plan", "fiber", "InternetService", "Fiber optic", 3096),
        ("contract", "Month-to-month", "Contract", "Month-to-month", 3875),
        ("payment_method", "electronic_check", "PaymentMethod", "Electronic check", 2365),
        ("paperless", True, "PaperlessBilling", "Yes", 4171),
    ],
)
def test_conditions_give_right_counts(
    columns: dict[str, list[object]],
    rows: list[dict[str, str]],
    attribute: str,
    value: object,
    column: str,
    text: str,
    count: int,
) -> None:
    assert columns[attribute].count(value) == sum(row[column] == text for row in rows) == count


def test_three_valued_add_ons(columns: dict[str, list[object]], rows: list[dict[str, str]]) -> None:
    held = Counter(addon for addons in columns["addons"] if isinstance(addons, list) for addon in addons)
    names = {"online_backup": "OnlineBackup", "tech_support": "TechSupport", "streaming_movies": "StreamingMovies"}
    for addon, column in names.items():
        assert held[addon] == sum(row[column] == "Yes" for row in rows)


def test_a_conjunction(columns: dict[str, list[object]], rows: list[dict[str, str]]) -> None:
    """tenure > 12, month to month, over 70 dollars, not churned."""
    found = sum(
        isinstance(start, dt.date)
        and full_months(start, AS_OF) > 12
        and contract == "Month-to-month"
        and isinstance(minor, int)
        and minor > 7000
        and status == "active"
        for start, contract, minor, status in zip(
            columns["started_on"], columns["contract"], columns["mrr"], columns["status"], strict=True
        )
    )
    assert found == sum(
        int(row["tenure"]) > 12
        and row["Contract"] == "Month-to-month"
        and Decimal(row["MonthlyCharges"]) > 70
        and row["Churn"] == "No"
        for row in rows
    )


def test_importing_again_changes_nothing(imported: Store) -> None:
    for subject in (Subject.CUSTOMERS, Subject.SUBSCRIPTIONS):
        report = run(imported, subject)
        assert (report.changes.new, report.changes.changed, report.changes.unchanged) == (0, 0, ROWS)


@pytest.mark.postgres
def test_both_databases_hold_the_same(imported: Store, store: Store) -> None:
    if store.dialect != "postgresql":
        pytest.skip("compares PostgreSQL with SQLite")
    for subject in (Subject.CUSTOMERS, Subject.SUBSCRIPTIONS):
        run(store, subject)
    query = select(subscriptions).order_by(cast(subscriptions.c.id, Text).collate("C"))
    with store.read() as connection:
        theirs = [tuple(row) for row in connection.execute(query)]
    with imported.read() as connection:
        ours = [tuple(row) for row in connection.execute(select(subscriptions).order_by(subscriptions.c.id))]
        assert connection.execute(select(func.count()).select_from(subscriptions)).scalar() == ROWS
    assert theirs == ours
