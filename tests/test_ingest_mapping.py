"""Mapping files: what they may say, and one clear sentence for everything that is wrong before a row is read."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from dsl.catalog import Catalog
from dsl.datatypes import Unit
from dsl.source import Source
from engine.errors import MappingError
from engine.store.ingest.mapping import Mapped, Recipe, parse_mapping
from engine.store.ingest.targets import Plan, Subject, plan_import

COLUMNS = ("id", "customer", "Plan", "Months", "Charge", "Cur", "Backup", "Region", "Account")


def mapping(text: str) -> Mapped:
    return parse_mapping(Source("map.yaml", text))


def plan(shop: Catalog, attributes: str, subject: Subject = Subject.SUBSCRIPTIONS, head: str = "") -> Plan:
    text = f"{head}\nattributes:\n  id: id\n  customer: customer\n{attributes}"
    return plan_import(shop, subject, mapping(text), COLUMNS, "file.csv")


def test_everything_that_a_mapping_can_say() -> None:
    read = mapping("""
as_of: 2026-03-31
blank: [NA, "-"]
delimiter: tab
attributes:
  id: {template: "{Region}-{Account}"}
  customer: customer
  country: {constant: NO}
  status: {column: Churn, values: {Yes: cancelled, No: active, Unknown: ~}}
  started_on: {column: tenure, elapsed: months}
  renews_on: {column: renewal, format: "%d/%m/%Y"}
  mrr: {column: Charge, currency_column: Cur, unit: minor}
  satisfaction: {column: score, times: 0.1}
  addons: {yes_columns: {Backup: backup}, yes: [Y], no: [N, "No internet"]}
  interests: {column: hobbies, separator: "|"}
""")
    assert read.as_of == dt.date(2026, 3, 31)
    assert read.blank == {"NA", "-"}
    assert read.delimiter == "\t"
    assert read.recipes == {
        "id": Recipe(template="{Region}-{Account}"),
        "customer": Recipe(column="customer"),
        "country": Recipe(constant="NO"),
        "status": Recipe(column="Churn", values={"Yes": "cancelled", "No": "active", "Unknown": ""}),
        "started_on": Recipe(column="tenure", elapsed=Unit.MONTHS),
        "renews_on": Recipe(column="renewal", format="%d/%m/%Y"),
        "mrr": Recipe(column="Charge", currency_column="Cur", unit="minor"),
        "satisfaction": Recipe(column="score", times=Decimal("0.1")),
        "addons": Recipe(yes_columns={"Backup": "backup"}, yes=("y",), no=("n", "no internet")),
        "interests": Recipe(column="hobbies", separator="|"),
    }


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("attributs:\n  id: id", 1, "did you mean attributes"),
        ("", 1, "table"),
        ("[a, b]", 1, "table"),
        ("attributes:\n  id: {colum: id}", 2, "did you mean column"),
        ("attributes:\n  id: {column: id, constant: x}", 2, "needs one of"),
        ("attributes:\n  id: {values: {a: b}}", 2, "needs one of"),
        ("attributes:\n  id: id\n  id: other", 3, "id"),
        ("attributes:\n  id: [a, b]", 2, "table"),
        ("attributes:\n  id: {template: fixed}", 2, "in braces"),
        ("attributes:\n  day: {column: d, elapsed: fortnights}", 2, "not one of days, weeks, months or years"),
        ("attributes:\n  mrr: {column: c, currency: dollars}", 2, "no currency code"),
        ("attributes:\n  at: {column: c, timezone: Berlin}", 2, "no time zone"),
        ("attributes:\n  n: {column: c, times: two}", 2, "no number"),
        ("as_of: 31/03/2026\nattributes: {id: id}", 1, "no date"),
        ("delimiter: ab\nattributes: {id: id}", 1, "one character"),
        ("attributes:\n  id: 'open", 2, "."),
        ("attributes: &a {id: *a}", 1, "."),
    ],
)
def test_a_mapping_that_cannot_be_read(text: str, line: int, says: str) -> None:
    with pytest.raises(MappingError, match=says) as told:
        mapping(text)
    assert str(told.value).startswith(f"map.yaml:{line}:") or (line == 1 and "map.yaml" in str(told.value))
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("attributes", "says"),
    [
        ("  plna: Plan", "plna is no attribute of a subscription; did you mean plan?"),
        ("  first_name: Plan", "first_name is no attribute of a subscription."),
        ("  plan: Plna", "file.csv has no column Plna, which plan needs; did you mean Plan?"),
        ("  mrr: {column: Charge, currency_column: Curr}", "no column Curr, which mrr needs; did you mean Cur?"),
        ("  seats: {template: '{Regio}'}", "no column Regio, which seats needs; did you mean Region?"),
        ("  addons: {yes_columns: {Backup: bakcup}}", "bakcup is no member of addons; did you mean backup?"),
        ("  addons: {yes_columns: {Backups: backup}}", "did you mean Backup?"),
        ("  tenure: Months", "map started_on with `elapsed: months`"),
        ("  started_on: {column: Months, elapsed: months}", "as_of"),
        ("  seats: {column: Charge, unit: minor}", "seats is a count"),
        ("  plan: {column: Plan, currency: USD}", "plan is a plan"),
        ("  autopay: {yes_columns: {Backup: backup}}", "autopay is a flag"),
        ("  mrr: {column: Charge, unit: seconds}", "mrr is a money"),
    ],
)
def test_a_mapping_that_does_not_fit(shop: Catalog, attributes: str, says: str) -> None:
    with pytest.raises(MappingError) as told:
        plan(shop, attributes)
    assert says in str(told.value)
    assert str(told.value)[-1] in ".?"
    assert "?." not in str(told.value)


def test_what_every_row_needs_must_be_said(shop: Catalog) -> None:
    with pytest.raises(MappingError, match="nothing says what customer is"):
        plan_import(shop, Subject.SUBSCRIPTIONS, mapping("attributes: {id: id}"), COLUMNS, "file.csv")
    with pytest.raises(MappingError, match="did you mean its column custmer"):
        plan_import(shop, Subject.SUBSCRIPTIONS, None, ("id", "custmer"), "file.csv")


def test_without_a_mapping_columns_are_taken_by_name(shop: Catalog) -> None:
    read = plan_import(
        shop, Subject.SUBSCRIPTIONS, None, ("subscription_id", "customer_id", "seats", "colour"), "f.csv"
    )
    assert read.recipes.keys() == {"id", "customer", "seats"}
    assert read.ignored == ("colour",)
    assert read.columns == ("subscription_id", "customer_id", "seats")


def test_an_amount_is_in_the_currency_of_its_subscription(shop: Catalog) -> None:
    by_column = plan(shop, "  currency: Cur\n  mrr: Charge").recipes["mrr"][1]
    assert by_column.currency_column == "Cur"
    constant = plan(shop, "  currency: {constant: EUR}\n  mrr: Charge").recipes["mrr"][1]
    assert constant.currency == "EUR"
    stated = plan(shop, "  currency: Cur\n  mrr: {column: Charge, currency: USD}").recipes["mrr"][1]
    assert (stated.currency, stated.currency_column) == ("USD", None)
