"""The web shows which tests of a file pass as it is edited, and which rules are checked and not run yet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from web_world import CATALOG, World, open_world, token_of

RULES = """
rule premium_after_a_year on billing_anniversary where tenure > 12 months offer premium via in_app
test "a year is not enough" given plan = basic, tenure = 12 months on billing_anniversary expect nothing
"""
FAILING = 'test "<b>never</b>" given plan = basic, tenure = 13 months on billing_anniversary expect nothing\n'
WAITING = """
rule takers on billing_anniversary offer premium goal website_visit within 30 days
rule callers on billing_anniversary where tenure > 12 months call welcome
"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path) as world:
        yield world


def check(world: World, text: str) -> dict[str, object]:
    ada = world.visitor("ada")
    form = {"csrf_token": token_of(ada.see("/rules").text), "text": text}
    return dict(ada.client.post("/check/anniversary.rules", data=form).json)


def test_passing_tests_are_counted(world: World):
    found = check(world, RULES)
    assert found["tests"] == {"passed": 1, "failed": [], "left": 0}
    assert "1 test of this file passes." in found["html"]


def test_a_failing_test_shows_what_came_and_why(world: World):
    found = check(world, RULES + FAILING)
    [failed] = found["tests"]["failed"]
    assert failed["failures"] == [{"expected": "nothing", "came": "offer premium (rule premium_after_a_year)"}]
    assert "1 test of this file passes, 1 fails." in found["html"]
    assert "&lt;b&gt;never&lt;/b&gt;" in found["html"]
    assert "tenure &gt; 12 months" in found["html"]


def test_a_file_without_tests_says_nothing_of_them(world: World):
    found = check(world, "# nothing here\n")
    assert found["tests"] == {"passed": 0, "failed": [], "left": 0}
    assert "test" not in found["html"]


def test_many_tests_are_run_in_part(world: World):
    one = RULES.splitlines()[-1]
    found = check(world, RULES + f"{one}\n" * 250)
    assert (found["tests"]["passed"], found["tests"]["left"]) == (200, 51)


def test_the_list_says_which_rules_are_not_run(world: World):
    world.write("waiting.rules", WAITING)
    world.write("catalog.yaml", f"{CATALOG}tasks: {{welcome: {{channel: email}}}}\n")
    page = world.visitor("ada").see("/rules").text
    assert "2 checked but not run by this version" in page
    assert "not run yet: goals" in page
    assert "not run yet: calling a task" in page


@pytest.mark.parametrize(
    ("rule", "told"),
    [("takers", "goals"), ("callers", "calling a task")],
)
def test_the_preview_says_so_too(world: World, rule: str, told: str):
    world.write("waiting.rules", WAITING)
    world.write("catalog.yaml", f"{CATALOG}tasks: {{welcome: {{channel: email}}}}\n")
    page = world.visitor("ada").see(f"/files/waiting.rules?rule={rule}&day=2026-03-15").text
    assert f"This version checks the rule but does not run it: {told}." in page
