"""Texts of files as values: each row of these tables is a text that some system exports."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dsl.datatypes import Unit
from engine.moments.calendar import full_months
from engine.store.ingest import values
from engine.store.ingest.mapping import Recipe
from engine.store.ingest.values import Refused


@pytest.mark.parametrize(
    ("text", "value"),
    [("5", 5.0), ("-2.50", -2.5), ("+.5", 0.5), ("1e3", 1000.0), ("5.", 5.0), ("-0", 0.0), ("007", 7.0)],
)
def test_numbers(text: str, value: float) -> None:
    assert values.number(text) == value
    assert math.copysign(1, values.number(text)) == math.copysign(1, value)


@pytest.mark.parametrize(
    "text", ["NaN", "nan", "inf", "-Infinity", "1e999", "1_000", "1,5", "abc", "٣", "0x10", "1 2", ""]
)
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(Refused, match="number"):
        values.number(text)


def test_a_number_is_multiplied_exactly() -> None:
    assert values.number("1.1", Decimal("0.1")) == 0.11


@pytest.mark.parametrize(("text", "value"), [("3", 3), ("3.0", 3), ("-3", -3), (str(2**63 - 1), 2**63 - 1)])
def test_counts(text: str, value: int) -> None:
    assert values.count(text) == value


@pytest.mark.parametrize("text", ["3.5", "3e2", "three", str(2**63), "9" * 100_000])
def test_what_is_no_count(text: str) -> None:
    with pytest.raises(Refused, match="whole number"):
        values.count(text)


@pytest.mark.parametrize(
    ("text", "currency", "minor", "value"),
    [
        ("29.85", "USD", False, [2985, "USD"]),
        ("29.850", "USD", False, [2985, "USD"]),
        ("29", None, False, [2900, "EUR"]),
        ("1000", "JPY", False, [1000, "JPY"]),
        ("1.234", "KWD", False, [1234, "KWD"]),
        ("2985", "USD", True, [2985, "USD"]),
        ("29.85 USD", None, False, [2985, "USD"]),
        ("USD 29.85", "USD", False, [2985, "USD"]),
        ("-5.00", "USD", False, [-500, "USD"]),
        ("92233720368547758.07", "USD", False, [2**63 - 1, "USD"]),
    ],
)
def test_money_is_exact(text: str, currency: str | None, minor: bool, value: list[object]) -> None:
    assert values.money(text, currency, "EUR", minor) == value


@pytest.mark.parametrize(
    ("text", "currency", "reason"),
    [
        ("29.855", "USD", "more decimals than USD has"),
        ("10.5", "JPY", "more decimals than JPY has"),
        ("92233720368547758.08", "USD", "too large"),
        ("9" * 5000, "USD", "too large"),
        ("29.85 EUR", "USD", "not in USD"),
        ("1,000.00", "USD", "not an amount"),
        ("$5", "USD", "not an amount"),
        ("NaN", "USD", "not an amount"),
        ("1e2", "USD", "not an amount"),
    ],
)
def test_what_is_no_money(text: str, currency: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        values.money(text, currency, "EUR")


@given(st.integers(-(2**63) + 1, 2**63 - 1), st.sampled_from(["USD", "JPY", "KWD"]))
def test_every_amount_is_read_as_it_was_written(minor: int, currency: str) -> None:
    places = {"USD": 2, "JPY": 0, "KWD": 3}[currency]
    digits = str(abs(minor)).rjust(places + 1, "0")  # written by cutting digits, not by arithmetic
    whole, part = (digits[:-places], "." + digits[-places:]) if places else (digits, "")
    assert values.money(f"{'-' if minor < 0 else ''}{whole}{part}", currency, "EUR") == [minor, currency]


@pytest.mark.parametrize(
    ("text", "pattern", "unit", "value"),
    [
        ("2026-03-15", None, None, "2026-03-15"),
        ("2026-03-15T00:00:00Z", None, None, "2026-03-15"),
        ("2026-03-15 00:00:00.000", None, None, "2026-03-15"),
        ("15/03/2026", "%d/%m/%Y", None, "2026-03-15"),
        ("20527", None, "days", "2026-03-15"),
        ("1773532800", None, "seconds", "2026-03-15"),
        ("1773532800000", None, "milliseconds", "2026-03-15"),
        ("1900-01-01", None, None, "1900-01-01"),
    ],
)
def test_dates(text: str, pattern: str | None, unit: str | None, value: str) -> None:
    assert values.date(text, pattern, unit) == value


@pytest.mark.parametrize(
    ("text", "pattern", "unit", "reason"),
    [
        ("1970-01-01", None, None, "1970-01-01"),
        ("0", None, "days", "1970-01-01"),
        ("0", None, "seconds", "1970-01-01"),
        ("1899-12-31", None, None, "absurdly"),
        ("2201-01-01", None, None, "absurdly"),
        ("1e300", None, "seconds", "absurdly"),
        ("2026-02-30", None, None, "does not exist"),
        ("2026-03-15T09:00:00Z", None, None, "no date"),
        ("15.03.2026", None, None, "no date"),
        ("20260315", None, None, "no date"),
        ("2026-03-15", "%d/%m/%Y", None, "not written as"),
        ("soon", None, "days", "no number of days"),
    ],
)
def test_what_is_no_date(text: str, pattern: str | None, unit: str | None, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        values.date(text, pattern, unit)


@given(st.dates(dt.date(1990, 1, 1), dt.date(2200, 12, 31)), st.integers(0, 900))
def test_months_before_a_day_are_full_months_since(as_of: dt.date, months: int) -> None:
    try:
        start = dt.date.fromisoformat(values.start_before(str(months), Unit.MONTHS, as_of))
    except Refused:
        assume(False)
        raise
    assert full_months(start, as_of) == months


@pytest.mark.parametrize(
    ("text", "unit", "as_of", "start"),
    [
        ("1", Unit.MONTHS, dt.date(2026, 3, 31), "2026-02-28"),
        ("1", Unit.MONTHS, dt.date(2024, 3, 31), "2024-02-29"),
        ("0", Unit.MONTHS, dt.date(2026, 3, 31), "2026-03-31"),
        ("13", Unit.MONTHS, dt.date(2026, 3, 31), "2025-02-28"),
        ("1", Unit.YEARS, dt.date(2024, 2, 29), "2023-02-28"),
        ("2", Unit.WEEKS, dt.date(2026, 3, 31), "2026-03-17"),
        ("31", Unit.DAYS, dt.date(2026, 3, 31), "2026-02-28"),
        ("12.0", Unit.MONTHS, dt.date(2026, 3, 31), "2025-03-31"),
    ],
)
def test_elapsed_times_become_starts(text: str, unit: Unit, as_of: dt.date, start: str) -> None:
    assert values.start_before(text, unit, as_of) == start


@pytest.mark.parametrize("text", ["-1", "3.5", "many", "99999", "9" * 5000])
def test_what_is_no_elapsed_time(text: str) -> None:
    with pytest.raises(Refused, match=r"whole number of|absurdly"):
        values.start_before(text, Unit.MONTHS, dt.date(2026, 3, 31))


@pytest.mark.parametrize(
    ("text", "share", "value"),
    [("20", False, "20"), ("20%", False, "20"), ("20.50 %", False, "20.5"), ("0.2", True, "20"), ("100", False, "100")],
)
def test_percentages(text: str, share: bool, value: str) -> None:
    assert values.percent(text, share) == value


@pytest.mark.parametrize("text", ["a fifth", "1e2", "NaN", "0.12345678", "9" * 30, "%"])
def test_what_is_no_percentage(text: str) -> None:
    with pytest.raises(Refused):
        values.percent(text)


@pytest.mark.parametrize(("text", "value"), [("Yes", True), ("TRUE", True), ("1", True), ("no", False), ("0", False)])
def test_flags(text: str, value: bool) -> None:
    assert values.flag(text) is value


@pytest.mark.parametrize("text", ["maybe", "2", "on", ""])
def test_what_is_no_flag(text: str) -> None:
    with pytest.raises(Refused, match="neither yes nor no"):
        values.flag(text)


def test_text_is_composed() -> None:
    assert values.clean("Zoe\u0308") == "Zo\u00eb"
    assert values.clean("東京 \u00a0 \U0001f600") == "東京 \u00a0 \U0001f600"
    assert values.clean("\U0001fae8") == "\U0001fae8"  # newer than the Unicode of older Pythons


@pytest.mark.parametrize("text", ["a\x00b", "a\nb", "tab\there", "\x7f", "\u0085"])
def test_control_characters_are_refused(text: str) -> None:
    with pytest.raises(Refused, match=r"unreadable character \(U\+00"):
        values.clean(text)


def test_an_id_has_a_bound() -> None:
    assert values.identity("x" * 200) == "x" * 200
    with pytest.raises(Refused, match="longer than 200"):
        values.identity("x" * 201)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("sport;music", ["music", "sport"]),
        (" sport ; ; sport", ["sport"]),
        ('["music", "sport"]', ["music", "sport"]),
        ("[]", []),
    ],
)
def test_sets(text: str, value: list[str]) -> None:
    assert values.set_of(text, ("sport", "music"), ";") == value


@pytest.mark.parametrize("text", ["sprot", "[1]", "[broken", "sport,music"])
def test_what_is_no_set(text: str) -> None:
    with pytest.raises(Refused):
        values.set_of(text, ("sport", "music"), ";")


def test_words_are_looked_up_without_case_and_enum_values_exactly() -> None:
    assert values.word("Premium", "plan", {"premium": None}) == "premium"
    with pytest.raises(Refused, match="did you mean premium"):
        values.word("premuim", "plan", {"premium": None})
    with pytest.raises(Refused, match="not one of US or DE"):
        values.member("us", ("US", "DE"))


@pytest.mark.parametrize(
    ("text", "recipe", "value"),
    [
        ("2026-03-15T09:30:00Z", Recipe(), "2026-03-15T09:30:00+00:00"),
        ("2026-03-15 09:30:00+02:00", Recipe(), "2026-03-15T07:30:00+00:00"),
        ("2026-03-15T09:30:00", Recipe(), "2026-03-15T09:30:00+00:00"),
        ("2026-07-15T09:30:00", Recipe(timezone="Europe/Berlin"), "2026-07-15T07:30:00+00:00"),
        ("1773567000.5", Recipe(unit="seconds"), "2026-03-15T09:30:00.500000+00:00"),
        ("15/03/2026 09:30", Recipe(format="%d/%m/%Y %H:%M"), "2026-03-15T09:30:00+00:00"),
        ("1970-01-01T00:00:01Z", Recipe(unit=None), "1970-01-01T00:00:01+00:00"),
    ],
)
def test_instants(text: str, recipe: Recipe, value: str) -> None:
    assert values.instant(text, recipe).isoformat() == value


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("yesterday", None),
        ("0", "seconds"),
        ("1970-01-01", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("1800-01-01", None),
    ],
)
def test_what_is_no_instant(text: str, unit: str | None) -> None:
    with pytest.raises(Refused):
        values.instant(text, Recipe(unit=unit))
