"""Running the tests of rules: made-up customers, arms, prices, the gate, what a failing test shows, and coverage."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from dsl import service
from engine.cli.main import cli
from engine.cli.testing import report
from engine.simulation.coverage import coverage
from engine.simulation.rule_tests import Result, run_test, run_tests
from tests.language import CATALOG, GOLDEN

SHARED = Path(__file__).parents[2] / "shared" / "language"
HELLO = '---\nsubject: "Hello"\n---\nHello.\n'

RULES = """
rule cheaper_after_a_year on billing_anniversary where tenure > 12 and plan in (basic, standard)
  offer premium at 20% off for 3 months say hello via email, in_app priority 10
rule calls on billing_anniversary where count of support_call in last 30 days >= 3 say hello
rule spent on billing_anniversary where sum of amount of purchase in last 90 days > $100 tag spender
rule asked_before on birthday where was offered family in last 90 days and not accepted any in last 1 year
  offer family with 1 month free
rule storage on usage_alert where meter = storage and level >= 80% and not has storage_plus
  offer storage_plus via in_app
rule heavy on website_visit where usage of storage >= 80% of quota of storage
  offer best of premium, family at 10% off via in_app at most once per 90 days
rule retry on payment_failed where attempt > 1 say hello as service
rule later on 1 day after support_call where minutes > 30 call crm_follow_up
rule sale on 2026-11-27 from 2026-11-20 until 2026-11-30
  split 50% cheaper: offer family at 30% off for 12 months 30% longer: offer family with 2 months free
"""


def ran(test: str, rules: str = RULES) -> Result:
    """The result of one test beside some rules that have no errors."""
    checked = service.check({"catalog.yaml": CATALOG, "a.rules": f"{rules}\n{test}", "messages/hello.txt": HELLO})
    assert not checked.errors, "\n".join(one.render() for one in checked.errors)
    assert checked.ruleset is not None
    (only,) = checked.tests
    return run_test(checked.ruleset, only)


PASS = [
    "given plan = basic, tenure = 13 months on billing_anniversary expect offer premium at 20% off for 3 months",
    "given plan = basic, tenure = 13 months on billing_anniversary expect offer premium, say hello",
    "given plan = basic, tenure = 13 months on billing_anniversary expect rule cheaper_after_a_year, no calls",
    "given plan = basic, tenure = 12 months on billing_anniversary expect nothing",
    "given plan = premium, tenure = 13 months on billing_anniversary expect no cheaper_after_a_year",
    # consent is given unless stated
    "given plan = basic, tenure = 13 months, not marketing_ok on billing_anniversary expect offer premium",
    # events: 3 calls are in the last 30 days, 30 days ago is out
    "given 3 support_call 5 days ago on billing_anniversary expect say hello, rule calls",
    "given 2 support_call 5 days ago, 1 support_call 29 days ago on billing_anniversary expect rule calls",
    "given 2 support_call 5 days ago, 1 support_call 30 days ago on billing_anniversary expect no calls, nothing",
    # a rule that only tags contacts nobody
    "given 2 purchase with (amount = $60) 80 days ago on billing_anniversary expect tag spender, nothing",
    "given 2 purchase with (amount = 60 EUR) 80 days ago on billing_anniversary expect no spent",
    # earlier decisions
    "given offered family 40 days ago on birthday expect offer family with 1 month free",
    "given offered family 40 days ago, accepted backup 2 months ago on birthday expect nothing",
    "given offered family 90 days ago on birthday expect nothing",
    # properties of the moment, and what is held already
    "given meter = storage, level = 80%, plan = basic on usage_alert expect offer storage_plus",
    "given meter = storage, level = 80%, plan = basic, has storage_plus on usage_alert expect nothing",
    # meters; the quota is the plan's unless given
    "given plan = basic, usage of storage = 40 on website_visit expect offer family at 10% off",
    "given plan = basic, usage of storage = 39.9 on website_visit expect nothing",
    "given plan = basic, usage of storage = 40, has storage_plus on website_visit expect nothing",
    "given usage of storage = 40, quota of storage = 50 on website_visit expect rule heavy",
    "given usage of storage = 40 on website_visit expect nothing",
    # best of: what the customer may have and brings most
    "given plan = premium, usage of storage = 900 on website_visit expect offer family",
    # the gate: payment_failed concerns active and past_due
    "given attempt = 2, status = past_due on payment_failed expect say hello",
    "given attempt = 2, status = paused on payment_failed expect nothing, no retry",
    # service needs no consent
    "given attempt = 2, not marketing_ok on payment_failed expect say hello",
    # delays: the event that triggers is in the past by then
    "given minutes = 31 on 1 day after support_call expect rule later",
    # dates and arms
    "given arm cheaper on 2026-11-27 expect offer family at 30% off for 12 months",
    "given arm longer on 2026-11-27 expect offer family with 2 months free",
    "given arm control on 2026-11-27 expect nothing, no sale",
    "given arm cheaper on 2026-11-27 at 2026-12-01 expect nothing, no sale",
]


@pytest.mark.parametrize("text", PASS)
def test_what_must_come(text: str):
    result = ran(f'test "t" {text}')
    assert result.passed, report((result,), 0, None)


FAIL = [
    (
        "given plan = basic, tenure = 13 months on billing_anniversary expect offer premium at 30% off for 3 months",
        "offer premium at 20% off for 3 months, say hello (rule cheaper_after_a_year)",
    ),
    (
        "given plan = basic, tenure = 13 months on billing_anniversary expect offer premium at 20% off",
        "offer premium at 20% off for 3 months, say hello (rule cheaper_after_a_year)",
    ),
    ("given plan = basic on billing_anniversary expect offer premium", "nothing: no rule of this moment matches"),
    (
        "given plan = basic, tenure = 13 months on billing_anniversary expect nothing",
        "offer premium at 20% off for 3 months, say hello (rule cheaper_after_a_year)",
    ),
    (
        "given plan = basic, tenure = 13 months, 3 support_call 5 days ago on billing_anniversary expect rule calls",
        "calls was held, because cheaper_after_a_year won the occasion",
    ),
    (
        "given plan = basic, tenure = 13 months, 3 support_call 5 days ago on billing_anniversary expect no calls",
        "calls was held, because cheaper_after_a_year won the occasion",
    ),
    (
        "given plan = family, offered family 1 day ago on birthday expect offer family",
        "asked_before was held, because the subscription already has family",
    ),
    (
        "given attempt = 2, status = paused on payment_failed expect say hello",
        "nothing: payment_failed concerns only those that are active or past_due, and this subscription is paused",
    ),
    ("given plan = basic on billing_anniversary expect tag spender", "nothing: no rule of this moment matches"),
]


@pytest.mark.parametrize(("text", "came"), FAIL)
def test_what_came_instead(text: str, came: str):
    result = ran(f'test "t" {text}')
    assert not result.passed
    assert [one.came for one in result.failures] == [came]


def test_an_experiment_asks_for_an_arm():
    result = ran('test "t" given plan = basic on 2026-11-27 expect offer family')
    assert not result.passed
    assert result.problem == (
        "sale is an experiment; give the customer one of its arms: arm cheaper or arm longer or arm control"
    )


def test_an_experiment_that_is_not_met_asks_for_nothing():
    rules = "rule sale on birthday where plan = basic split 50% a: offer family 50% b: offer premium"
    assert ran('test "t" given plan = free on birthday expect nothing', rules).passed


def test_a_message_of_the_rules_own_words_and_a_tag_taken_away():
    rules = 'rule wish on birthday say "Happy birthday" untag new'
    assert not ran('test "t" given plan = basic on birthday expect tag new', rules).passed
    assert ran('test "t" given plan = basic on birthday expect rule wish', rules).passed


# --- what people see -------------------------------------------------------------------------------------------------

FAILING = """test "loyal customers get the better price"
  given plan = basic, tenure = 13 months, 3 support_call 5 days ago
  on billing_anniversary
  expect offer premium at 30% off for 3 months, no calls

test "an arm is needed" given plan = basic on 2026-11-27 expect offer family
test "this one passes" given tenure = 1 month on billing_anniversary expect nothing
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "messages").mkdir()
    (tmp_path / "catalog.yaml").write_text(CATALOG)
    (tmp_path / "messages" / "hello.txt").write_text(HELLO)
    (tmp_path / "a.rules").write_text(RULES)
    (tmp_path / "b.rules").write_text(FAILING)
    return tmp_path


def test_a_failing_test_shows_expectation_outcome_and_receipt(folder: Path):
    done = CliRunner().invoke(cli, ["test", str(folder)])
    assert done.exit_code == 1
    assert done.output == (GOLDEN / "failing_test.txt").read_text()


def test_programs_read_json(folder: Path):
    done = CliRunner().invoke(cli, ["test", str(folder), "--json", "--coverage"])
    told = json.loads(done.output)
    assert [(one["title"], one["passed"]) for one in told["tests"]] == [
        ("loyal customers get the better price", False),
        ("an arm is needed", False),
        ("this one passes", True),
    ]
    first = told["tests"][0]
    assert (first["file"], first["line"]) == ("b.rules", 1)
    assert [one["expected"] for one in first["failures"]] == ["offer premium at 30% off for 3 months", "no calls"]
    assert [one["rule"] for one in first["receipts"]] == ["cheaper_after_a_year", "calls"]
    assert 0 < told["coverage"]["percent"] < 100


def test_some_tests_by_their_words(folder: Path):
    done = CliRunner().invoke(cli, ["test", str(folder), "-k", "THIS ONE"])
    assert (done.exit_code, done.output) == (0, "1 test passed, 0 failed.\n")


def test_a_test_that_cannot_be_read_fails_the_command(folder: Path):
    (folder / "b.rules").write_text('test "t" given plan = gold on birthday expect nothing')
    done = CliRunner().invoke(cli, ["test", str(folder)])
    assert (done.exit_code, done.output) == (1, "0 tests passed, 0 failed. 1 error; `carpe check` shows them.\n")


# --- coverage --------------------------------------------------------------------------------------------------------

SMALL = """
rule old on birthday where tenure > 12 and not (country = US or country is missing) and no download in last 7 days
  say hello
rule wish on birthday say hello
rule other on account_shared say hello
"""


def covered(*facts: str) -> dict[tuple[str, str], tuple[str, ...]]:
    """What stays unseen by clause, after a test with each of these facts."""
    tests = "\n".join(f'test "{n}" given {each} on birthday expect nothing' for n, each in enumerate(facts))
    checked = service.check({"catalog.yaml": CATALOG, "a.rules": SMALL + tests, "messages/hello.txt": HELLO})
    assert checked.ruleset is not None
    assert not checked.errors
    found = coverage(checked.ruleset.rules, run_tests(checked.ruleset, checked.tests))
    assert found.possible == 3 + 3 + 2 + 2 + 1 + 1
    return {(one.rule, one.text): one.unseen for one in found.clauses if one.unseen}


def test_without_tests_nothing_is_covered():
    assert covered() == {
        ("old", "tenure > 12"): ("true", "false", "missing"),
        ("old", "country = US"): ("true", "false", "missing"),
        ("old", "country is missing"): ("true", "false"),
        ("old", "no download in last 7 days"): ("true", "false"),
        ("wish", "always"): ("true",),
        ("other", "always"): ("true",),
    }


def test_each_test_adds_the_verdicts_that_it_sees():
    assert covered("tenure = 13 months") == {
        ("old", "tenure > 12"): ("false", "missing"),
        ("old", "country = US"): ("true", "false"),
        ("old", "country is missing"): ("false",),
        ("old", "no download in last 7 days"): ("false",),
        ("other", "always"): ("true",),
    }
    assert covered("tenure = 13 months", "country = US, tenure = 1 month", "country = DE, 1 download 1 day ago") == {
        ("other", "always"): ("true",),
    }


# --- the language's own examples -------------------------------------------------------------------------------------


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/language is not beside this repository")
def test_the_examples_of_the_language_pass(tmp_path: Path):
    shutil.copy(SHARED / "catalog.yaml", tmp_path)
    shutil.copy(SHARED / "accept.rules", tmp_path)
    shutil.copytree(SHARED / "messages", tmp_path / "messages")
    done = CliRunner().invoke(cli, ["test", str(tmp_path)])
    assert (done.exit_code, done.output) == (0, "3 tests passed, 0 failed.\n")


def test_the_example_rules_are_covered_whole():
    done = CliRunner().invoke(cli, ["test", str(Path(__file__).parents[1] / "rules"), "--coverage", "--json"])
    told = json.loads(done.output)
    assert [one for one in told["tests"] if not one["passed"]] == []
    assert told["coverage"]["unseen"] == []
    assert told["coverage"]["possible"] > 400


def test_a_percentage_is_never_rounded_up_to_all(folder: Path):
    lines = CliRunner().invoke(cli, ["test", str(folder), "--coverage"]).output.splitlines()
    assert re.fullmatch(r"Coverage: \d+%, \d+ of \d+ verdicts of clauses were seen.", lines[-3])
    seen, possible = map(int, re.findall(r"\d+", lines[-3])[1:])
    assert lines[-3].startswith(f"Coverage: {100 * seen // possible}%")


def test_the_default_day_does_not_move():
    result = ran('test "t" given plan = basic on birthday expect nothing')
    assert result.test.day == dt.date(2026, 3, 15)
