"""Due sets against a population counted by hand, occurrence by occurrence with python-dateutil."""

from __future__ import annotations

import datetime as dt
import random
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from dateutil.relativedelta import relativedelta

from dsl.catalog import AttributeDeclaration, Catalog, LeapDay, Moment, MomentKind, Owner, Recurs
from dsl.datatypes import DataType, Kind, Money, Value
from dsl.typed import Attribute, MomentUse
from engine.moments.due import due_batch, gate_counts
from engine.store.schema import upgrade
from engine.store.session import Store, open_store
from engine.store.state import put_customers, put_subscriptions
from engine.store.zones import shard_of
from tests.conftest import BOTH

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
SUBSCRIPTION = {
    "started_on": Kind.DATE,
    "renews_on": Kind.DATE,
    "billing_interval": Kind.ENUM,
    "status": Kind.ENUM,
    "plan": Kind.PLAN,
    "mrr": Kind.MONEY,
}
CUSTOMER = {"country": Kind.ENUM, "date_of_birth": Kind.DATE}


def declared(owner: Owner, kinds: dict[str, Kind]) -> dict[str, AttributeDeclaration]:
    return {name: AttributeDeclaration(name, owner, DataType(kind)) for name, kind in kinds.items()}


def recurring(name: str, owner: Owner, of: str, recurs: Recurs, **more: Any) -> Moment:
    return Moment(name, MomentKind.RECURRING, owner, of, recurs, **more)


MOMENTS = (
    recurring("billing", Owner.SUBSCRIPTION, "started_on", Recurs.BILLING_INTERVAL),
    recurring("monthly", Owner.SUBSCRIPTION, "started_on", Recurs.MONTH),
    recurring("quarterly", Owner.SUBSCRIPTION, "started_on", Recurs.MONTH, every=3),
    recurring("weekly", Owner.SUBSCRIPTION, "started_on", Recurs.WEEK),
    recurring("yearly", Owner.SUBSCRIPTION, "started_on", Recurs.YEAR, statuses=("active", "past_due")),
    recurring("birthday", Owner.CUSTOMER, "date_of_birth", Recurs.YEAR),
    recurring("birthday_march", Owner.CUSTOMER, "date_of_birth", Recurs.YEAR, leap_day=LeapDay.MAR1),
    Moment("renewal", MomentKind.DATED, Owner.SUBSCRIPTION, "renews_on"),
)
CATALOG = Catalog(
    currency="USD",
    timezone="America/New_York",
    customer=declared(Owner.CUSTOMER, CUSTOMER),
    subscription=declared(Owner.SUBSCRIPTION, SUBSCRIPTION),
    moments={moment.name: moment for moment in MOMENTS},
)
ZONES = ("America/New_York", "Europe/Berlin", "Asia/Tokyo", "Pacific/Auckland")
DAYS = [dt.date.fromisoformat(text) for text in ("2024-02-29", "2025-02-28", "2025-03-01", "2025-04-30", "2025-12-31")]


def population(count: int) -> tuple[list[dict[str, Value]], list[dict[str, Value]]]:
    """Customers and subscriptions whose dates crowd around ends of months and leap days."""
    rng = random.Random(7)
    crowded = [dt.date(2024, 2, 29), dt.date(2020, 2, 29), dt.date(2023, 1, 31), dt.date(2024, 12, 31)]
    crowded += [dt.date(2023, 3, 1), dt.date(2024, 2, 28), dt.date(2024, 1, 30), dt.date(2023, 11, 29), *DAYS]

    def date() -> dt.date:
        return rng.choice(crowded) if rng.random() < 0.7 else dt.date(2022, 1, 1) + dt.timedelta(rng.randrange(1400))

    customers: list[dict[str, Value]] = []
    subscriptions: list[dict[str, Value]] = []
    for number in range(count):
        customer: dict[str, Value] = {"customer.id": f"c{number:04}", "customer.timezone": rng.choice(ZONES)}
        if rng.random() < 0.9:
            customer["customer.date_of_birth"] = date()
        customers.append(customer)
        for held in range(rng.choice((0, 1, 1, 1, 2, 3))):
            row: dict[str, Value] = {
                "customer.id": f"c{number:04}",
                "subscription.id": f"s{number:04}-{held}",
                "subscription.plan": rng.choice(("basic", "premium")),
                "subscription.mrr": Money(rng.choice((999, 1999)), "USD"),
            }
            if rng.random() < 0.95:
                row["subscription.started_on"] = date()
            if rng.random() < 0.5:
                row["subscription.renews_on"] = date()
            if status := rng.choice(("active", "active", "past_due", "cancelled", None)):
                row["subscription.status"] = status
            if interval := rng.choice(("month", "month", "year", None)):
                row["subscription.billing_interval"] = interval
            subscriptions.append(row)
    return customers, subscriptions


CUSTOMERS, SUBSCRIPTIONS = population(400)


@pytest.fixture(scope="module", params=BOTH)
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('due') / 'carpe.db'}"
    else:
        url = request.getfixturevalue("postgresql").new_database()
    upgrade(url)
    store = open_store(url)
    with store.write() as connection:
        put_customers(connection, CATALOG, CUSTOMERS, NOW)
        put_subscriptions(connection, CATALOG, SUBSCRIPTIONS, NOW)
    yield store
    store.close()


# --- the oracle ------------------------------------------------------------------------------------------------------

STEPS = {"monthly": relativedelta(months=1), "quarterly": relativedelta(months=3), "weekly": relativedelta(weeks=1)}
STEPS |= dict.fromkeys(("yearly", "birthday", "birthday_march"), relativedelta(years=1))
PERIODS = {"monthly": "%Y-%m", "quarterly": "%Y-%m", "weekly": "%G-W%V"}


def name_on(moment: Moment, anchor: dt.date | None, interval: str | None, on: dt.date) -> str | None:
    return None if anchor is None else counted_up(moment.name, anchor, interval, on)


@cache
def counted_up(name: str, anchor: dt.date, interval: str | None, on: dt.date) -> str | None:
    """The occurrence on a day, found by counting up from the anchor."""
    moment = CATALOG.moments[name]
    if moment.name == "renewal":
        return f"renewal:{on}" if anchor == on else None
    if moment.name == "billing":
        if interval is None:
            return None
        step, period = {"month": (STEPS["monthly"], "%Y-%m"), "year": (STEPS["yearly"], "%Y")}[interval]
    else:
        step, period = STEPS[moment.name], PERIODS.get(moment.name, "%Y")
    n = 1
    while anchor + step * n < on - dt.timedelta(1):
        n += 1
    for candidate in (anchor + step * n, anchor + step * (n + 1)):
        moved = moment.leap_day is LeapDay.MAR1 and (anchor.month, anchor.day) == (2, 29) and candidate.day == 28
        if candidate + dt.timedelta(moved) == on:
            return f"{moment.name}:{on.strftime(period)}"
    return None


def concerned(moment: Moment, row: dict[str, Value]) -> bool:
    status = row.get("subscription.status")
    return status in moment.statuses if moment.statuses else status != "cancelled"


def expected(moment: Moment, on: dt.date, zones: set[str], shards: set[int]) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for customer in CUSTOMERS:
        whose = str(customer["customer.id"])
        if customer["customer.timezone"] not in zones or shard_of(whose) not in shards:
            continue
        held = [row for row in SUBSCRIPTIONS if row["customer.id"] == whose]
        if moment.owner is Owner.SUBSCRIPTION:
            for row in held:
                anchor: Any = row.get(f"subscription.{moment.attribute}")
                interval: Any = row.get("subscription.billing_interval")
                key = name_on(moment, anchor, interval, on)
                if key and concerned(moment, row):
                    found.append((row["subscription.id"], whose, row["subscription.id"], key))
        else:
            anchor = customer.get(f"customer.{moment.attribute}")
            if key := name_on(moment, anchor, None, on):
                tried = [row["subscription.id"] for row in held if concerned(moment, row)] if held else [None]
                found.extend((whose, whose, which, key) for which in tried)
    return found


def found_in(table: pa.Table) -> list[tuple[Any, ...]]:
    columns = (table[name].to_pylist() for name in ("subject", "customer", "subscription", "occurrence"))
    return list(zip(*columns, strict=True))


@pytest.mark.parametrize("day", DAYS, ids=str)
@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: moment.name)
def test_due_sets_are_the_occurrences_that_counting_finds(store: Store, moment: Moment, day: dt.date) -> None:
    everyone = set(range(16))
    with store.read() as connection:
        for offset in (0, -7, 1):
            table = due_batch(connection, CATALOG, MomentUse(moment.name, offset), day, None, None, ())
            on = day - dt.timedelta(offset)
            assert found_in(table) == expected(moment, on, set(ZONES), everyone)
            assert set(table["offset"].to_pylist()) <= {offset}
        shards = [due_batch(connection, CATALOG, MomentUse(moment.name), day, None, s, ()) for s in everyone]
        together = [row for shard in shards for row in found_in(shard)]
        assert sorted(together, key=str) == sorted(expected(moment, day, set(ZONES), everyone), key=str)
        table = due_batch(connection, CATALOG, MomentUse(moment.name), day, {"Asia/Tokyo"}, None, ())
        assert found_in(table) == expected(moment, day, {"Asia/Tokyo"}, everyone)


def test_the_population_has_every_moment_due_on_some_day() -> None:
    for moment in MOMENTS:
        assert any(expected(moment, day, set(ZONES), set(range(16))) for day in DAYS)


def test_columns_of_a_batch(store: Store) -> None:
    attributes = [
        Attribute(Owner.CUSTOMER, "date_of_birth", DataType(Kind.DATE)),
        Attribute(Owner.SUBSCRIPTION, "mrr", DataType(Kind.MONEY)),
        Attribute(Owner.SUBSCRIPTION, "currency", DataType(Kind.TEXT)),
    ]
    with store.read() as connection:
        table = due_batch(connection, CATALOG, MomentUse("birthday", -7), dt.date(2025, 2, 21), None, None, attributes)
        empty = due_batch(connection, CATALOG, MomentUse("birthday"), dt.date(1990, 1, 1), None, None, attributes)
    assert empty.num_rows == 0
    assert empty.schema.equals(table.schema)
    customers = {row["customer.id"]: row for row in CUSTOMERS}
    subscriptions = {row["subscription.id"]: row for row in SUBSCRIPTIONS}
    assert None in table["subscription"].to_pylist()
    for row in table.to_pylist():
        assert row["moment"] == "birthday"
        assert row["occurrence"] == "birthday:2025"
        assert row["zone"] == customers[row["customer"]]["customer.timezone"]
        assert row["customer.date_of_birth"] == customers[row["customer"]]["customer.date_of_birth"]
        mrr = subscriptions[row["subscription"]]["subscription.mrr"] if row["subscription"] else None
        assert row["subscription.mrr"] == (mrr.minor if isinstance(mrr, Money) else None)
        assert row["subscription.currency"] == ("USD" if row["subscription"] else None)
    at = dict(zip(table["zone"].to_pylist(), table["due_at"].to_pylist(), strict=True))
    assert at["Asia/Tokyo"] == dt.datetime(2025, 2, 21, 0, tzinfo=dt.UTC)
    assert at["America/New_York"] == dt.datetime(2025, 2, 21, 14, tzinfo=dt.UTC)


@pytest.mark.parametrize(("offset", "day"), [(0, "2026-11-27"), (-3, "2026-11-24"), (2, "2026-11-29")])
def test_calendar_dates_are_everybodys(store: Store, offset: int, day: str) -> None:
    use = MomentUse("2026-11-27", offset, dt.date(2026, 11, 27))
    with store.read() as connection:
        table = due_batch(connection, CATALOG, use, dt.date.fromisoformat(day), None, None, ())
        other = due_batch(connection, CATALOG, use, dt.date(2026, 11, 26), None, None, ())
    gone = {row["customer.id"] for row in SUBSCRIPTIONS} - {
        row["customer.id"] for row in SUBSCRIPTIONS if row.get("subscription.status") != "cancelled"
    }
    assert gone
    assert set(table["customer"].to_pylist()) == {row["customer.id"] for row in CUSTOMERS} - gone
    assert set(table["occurrence"].to_pylist()) == {"2026-11-27"}
    assert other.num_rows == 0


def test_gate_counts_tell_the_while_gate_apart(store: Store) -> None:
    day = dt.date(2025, 4, 30)
    with store.read() as connection:
        for moment in MOMENTS:
            counts = gate_counts(connection, CATALOG, MomentUse(moment.name), day)
            after = {row[0] for row in expected(moment, day, set(ZONES), set(range(16)))}
            assert counts.after == len(after)
            assert counts.before >= counts.after
        billing = gate_counts(connection, CATALOG, MomentUse("billing"), day)
        monthly = CATALOG.moments["monthly"]
        without = [
            row
            for row in SUBSCRIPTIONS
            if "subscription.billing_interval" not in row
            and name_on(monthly, row.get("subscription.started_on"), None, day)  # type: ignore[arg-type]
        ]
        assert billing.without_interval == len(without) > 0
        use = MomentUse("2026-11-27", 0, dt.date(2026, 11, 27))
        everybody = gate_counts(connection, CATALOG, use, dt.date(2026, 11, 27))
    assert everybody.before == len(CUSTOMERS) > everybody.after
    assert everybody.without_interval == 0


SEARCHED = {"weekly": "weekday", "renewal": "date", "quarterly": "day=? AND month", "birthday_march": "day=? AND month"}


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: moment.name)
def test_the_database_compares_by_index_and_knows_no_dates(store: Store, moment: Moment) -> None:
    if store.dialect != "sqlite":
        pytest.skip("PostgreSQL reads a table of a few rows whole")
    said: list[tuple[str, Any]] = []
    with store.read() as connection:

        @sa.event.listens_for(connection, "before_cursor_execute")
        def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            said.append((statement, parameters))

        due_batch(connection, CATALOG, MomentUse(moment.name), dt.date(2025, 2, 28), set(ZONES), 3, ())
        sa.event.remove(connection, "before_cursor_execute", note)
        statement, parameters = said[-1]
        steps = [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    searched = re.escape(f"(owner=? AND attribute=? AND {SEARCHED.get(moment.name, 'day')}=?)")
    assert re.match(rf"SEARCH dates USING COVERING INDEX ix_dates_\w+ {searched}", steps[0]), steps
    assert not any(step.startswith("SCAN") for step in steps), steps
    assert not re.search(r"strftime|julianday|date\(|datetime\(|interval '|age\(", statement, re.IGNORECASE)
