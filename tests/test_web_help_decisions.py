"""The help on meeting people and on experiments: every number on the pages is worked out by Carpe itself."""

from __future__ import annotations

import datetime as dt
import re
from html import unescape

import numpy as np
import pytest
from web_world import help_blocks

from dsl.catalog import Policies
from dsl.catalog_reader import read_catalog
from dsl.choices import TimeUnit
from dsl.contact_policies import QuietHours
from dsl.source import Source
from dsl.windows import Window
from engine.contacts.policy import flags
from engine.contacts.quiet import open_from
from engine.contacts.windows import Seen, Timeline
from engine.hashing import text_hash
from engine.propensity.outcomes import Outcomes
from engine.propensity.pooling import learn
from web import help

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def rows(topic: str, table: str) -> list[list[str]]:
    """The cells of a table's rows, as HTML."""
    [body] = re.findall(rf'<table class="{table}".*?<tbody>(.*?)</tbody>', help.read(topic), re.DOTALL)
    return [re.findall(r"<td>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", body)]


def instants(cell: str) -> list[int]:
    found = (dt.datetime.fromisoformat(text) for text in re.findall(r'datetime="(.*?)"', cell))
    return [(one - EPOCH) // dt.timedelta(microseconds=1) for one in found]


def test_the_policies_are_right() -> None:
    """In the catalog of the help, in place of its own."""
    [(_, catalog)] = help_blocks("catalog")
    [(_, policies)] = help_blocks("policies")
    read, problems = read_catalog(Source("catalog.yaml", catalog[: catalog.index("policies:")] + policies))
    assert read is not None, [one.render() for one in problems]
    said = read.policies
    assert set(flags(said)) == {"marketing_ok", "service_ok", "do_not_contact"}
    assert len(said.caps) == 3
    assert Policies().caps == ()
    assert None not in (said.after_decline, said.after_offer, said.between_offers)


@pytest.mark.parametrize("cells", rows("contacts", "caps"))
def test_the_worked_cap(cells: list[str]) -> None:
    met, [one] = instants(cells[0]), instants(cells[1])
    nobody = np.zeros(len(met), np.bool_)
    seen = Seen(np.array([0]), np.array([one]), np.array([0]), ("UTC",))
    timeline = Timeline.of(np.zeros(len(met), np.int64), np.array(met), nobody)
    assert timeline.has_room(seen, 2, Window(7, TimeUnit.DAYS)).tolist() == [cells[2] == "may be sent"]


@pytest.mark.parametrize("cells", rows("contacts", "quiet"))
def test_the_worked_quiet_hours(cells: list[str]) -> None:
    hours = QuietHours(dt.time(20), dt.time(8))
    due, sent = (np.array(instants(cell)) for cell in cells)
    assert open_from(due, np.array([0]), ("Europe/Berlin",), hours).tolist() == sent.tolist()


@pytest.mark.parametrize("cells", rows("experiments", "fractions"))
def test_the_worked_fractions(cells: list[str]) -> None:
    customer, salt = (unescape(re.sub("<.*?>", "", cell)) for cell in cells[:2])
    assert f"{text_hash(customer, text_hash(salt)) / 2**64:.6f}" == cells[2]


def test_the_worked_rates() -> None:
    """The rows shown, of offers with the segments that are not shown beside them."""
    shown = np.array([[2, 4000, 3000, 0], [3000, 2500, 3000, 2000]])
    beliefs = learn(Outcomes(shown, np.array([[2, 400, 330, 0], [90, 80, 100, 60]])))
    offers, segments = ("premium", "family"), ("students", "families", "teams", "pensioners")
    for offer, segment, *_, rate, interval in rows("experiments", "rates"):
        place = offers.index(offer), segments.index(segment)
        low, high = beliefs.interval(*place)
        assert rate == f"{beliefs.mean[place]:.1%}"
        assert interval == f"{low:.1%} and {high:.1%}"
