"""The help's page on the calendar cannot lie: every date, instant, zone and name in it is worked out again."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from zoneinfo import ZoneInfo

import pytest
from web_world import help_blocks

from dsl import service
from dsl.catalog import Catalog, LeapDay, Moment, MomentKind, Owner, Recurs
from dsl.catalog_reader import read_catalog
from dsl.source import Source
from dsl.typed import MomentUse
from engine.moments.calendar import due_instant, occurrence_key
from engine.store.zones import resolve_zone
from web import help

[(_, CATALOG_TEXT)] = help_blocks("catalog")
PAGE = help.read("calendar")
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Row:
    """A row of a table: what the table and the row say of themselves, its cells and the times in them."""

    data: dict[str, str]
    cells: tuple[str, ...]
    times: tuple[tuple[str, str], ...]

    @property
    def days(self) -> list[dt.date]:
        return [dt.date.fromisoformat(machine) for machine, _ in self.times]


def rows(table: str) -> list[Row]:
    [(own, body)] = re.findall(rf'<table class="{table}"(.*?)>(.*?)</table>', PAGE, re.DOTALL)
    found = re.findall(r"<tr([^>]*)>(<td>.*?)</tr>", body)
    assert found, f"the page has no rows of {table}"
    return [read_row(own + attributes, html) for attributes, html in found]


def read_row(attributes: str, html: str) -> Row:
    cells = tuple(unescape(re.sub(r"<[^>]+>", "", cell)) for cell in re.findall(r"<td>(.*?)</td>", html))
    times = tuple(re.findall(r'<time datetime="(.*?)">(.*?)</time>', html))
    return Row(dict(re.findall(r'data-([a-z-]+)="(.*?)"', attributes)), cells, times)


def catalog() -> Catalog:
    found, _ = read_catalog(Source("catalog.yaml", CATALOG_TEXT))
    assert found is not None
    return found


def moment_of(row: Row) -> Moment:
    if name := row.data.get("moment"):
        return catalog().moments[name]
    recurs, leap_day = Recurs(row.data["recurs"]), LeapDay(row.data.get("leap-day", "feb28"))
    every = int(row.data.get("every", "1"))
    return Moment(f"{recurs}ly", MomentKind.RECURRING, Owner.CUSTOMER, "since", recurs, every, leap_day)


def use_of(sentence: str) -> MomentUse:
    """What a rule listens to that begins with these words."""
    checked = service.check({"catalog.yaml": CATALOG_TEXT, "a.rules": f'{sentence} say "Hello." via in_app'})
    assert checked.ruleset is not None
    assert not checked.errors, checked.errors
    [rule] = checked.ruleset.rules
    [use] = rule.moments
    return use


def days_until(first: dt.date, last: dt.date) -> Iterator[dt.date]:
    return (first + n * DAY for n in range((last - first).days + 1))


def in_words(day: dt.date) -> str:
    return f"{day.day} {day:%B %Y}"


def test_every_day_is_written_as_it_is() -> None:
    for machine, told in re.findall(r'<time datetime="(\d{4}-\d\d-\d\d)">(.*?)</time>', PAGE):
        assert told == in_words(dt.date.fromisoformat(machine))


@pytest.mark.parametrize("row", rows("occurrences"), ids=lambda row: " ".join(row.data.values()))
def test_occurrences(row: Row) -> None:
    start, *told = row.days
    moment = moment_of(row)
    assert [day for day in days_until(start, told[-1]) if occurrence_key(moment, start, None, day)] == told
    assert (f"every: {moment.every}" in row.cells[1]) == (moment.every > 1)
    assert (f"leap_day: {moment.leap_day}" in row.cells[1]) == (moment.leap_day is LeapDay.MAR1)


@pytest.mark.parametrize("row", rows("offsets"), ids=lambda row: row.cells[0])
def test_days_before_and_after(row: Row) -> None:
    use = use_of(row.cells[0])
    assert use.moment == "renewal"
    assert row.days == [dt.date.fromisoformat(row.data["date"]) + use.offset * DAY]


@pytest.mark.parametrize("row", rows("delays"), ids=lambda row: row.cells[0])
def test_time_after_an_event(row: Row) -> None:
    [(machine, told)] = row.times
    acts_at = dt.datetime.fromisoformat(row.data["instant"]) + use_of(row.cells[0]).delay
    assert acts_at == dt.datetime.fromisoformat(machine)
    assert told == on_the_wall(acts_at, row.data["zone"])


@pytest.mark.parametrize("row", rows("instants"), ids=lambda row: f"{row.data['zone']} {row.data['day']}")
def test_instants(row: Row) -> None:
    [(machine, told)] = row.times
    day = dt.date.fromisoformat(row.data["day"])
    due = due_instant(day, dt.time.fromisoformat(row.cells[2]), row.data["zone"])
    assert due == dt.datetime.fromisoformat(machine)
    assert told == on_the_wall(due, row.data["zone"])
    assert row.cells[1] == in_words(day)


def on_the_wall(instant: dt.datetime, zone: str) -> str:
    local = instant.astimezone(ZoneInfo(zone))
    return f"{in_words(local)}, {local:%H:%M}"


@pytest.mark.parametrize("row", rows("zones"), ids=lambda row: "-".join(row.cells))
def test_zones(row: Row) -> None:
    given, country, counts = row.cells
    assert resolve_zone(catalog(), given or None, country or None).name == counts


@pytest.mark.parametrize("row", rows("names"), ids=lambda row: row.cells[2])
def test_names(row: Row) -> None:
    [day] = row.days
    start = dt.date.fromisoformat(row.data["from"])
    assert occurrence_key(moment_of(row), start, row.data.get("interval"), day) == row.cells[2]


def test_the_catalog_catches_up_as_the_page_says() -> None:
    assert catalog().policies.catch_up == dt.timedelta(days=1)
    [rules] = [text for topic, text in help_blocks("rules") if topic == "calendar"]
    checked = service.check({"catalog.yaml": CATALOG_TEXT, "a.rules": rules})
    assert checked.ruleset is not None
    bounds = [rule.catch_up.within for rule in checked.ruleset.rules if rule.catch_up]
    assert [bound and (bound.count, bound.unit) for bound in bounds] == [(3, "days"), None]


def test_a_moved_bill_would_come_too_soon() -> None:
    """The example of half an interval: 25 March and 5 April are nearer than that, 5 May is not."""
    monthly = Moment("m", MomentKind.RECURRING, Owner.SUBSCRIPTION, "since", Recurs.MONTH)
    moved, met = dt.date(2026, 1, 5), dt.date(2026, 3, 25)
    after = [day for day in days_until(met, dt.date(2026, 5, 31)) if occurrence_key(monthly, moved, None, day)]
    assert after == [dt.date(2026, 4, 5), dt.date(2026, 5, 5)]
    assert [(day - met).days for day in after] == [11, 41]
