"""What is checked and not run yet: each construct is named in plain words, and its rule is left out, never silently."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dsl import typed
from dsl.catalog import Catalog, Moment, MomentKind, Owner
from dsl.choices import HistoryVerb, Purpose, TimeUnit
from dsl.datatypes import DataType, Kind, Money, Unit
from dsl.typed import All, MomentUse, Not, Offer, Rule, Ruleset, Say
from engine.plans import Plans
from engine.unavailable import not_run, notice, waits_for
from tests.command import carpe

EVENTS = typed.Events("support_call", All(()), typed.Window(30, TimeUnit.DAYS))
MRR = typed.Attribute(Owner.SUBSCRIPTION, "mrr", DataType(Kind.MONEY))
SEATS = typed.Attribute(Owner.SUBSCRIPTION, "seats", DataType(Kind.COUNT))
AMOUNT = typed.Attribute(Owner.EVENT, "amount", DataType(Kind.MONEY))
DAY = dt.date(2026, 3, 15)
MONTH = typed.Window(1, TimeUnit.MONTHS)
PLAIN = Rule("plain", None, (MomentUse("visit"),), All(()), (Offer(("premium",)), Say("hello")), ("email",))


def asking(term: typed.Term) -> dict[str, Any]:
    test = typed.Test("greater", term, (3,))
    return {"condition": typed.AnyOf((Not(typed.SegmentUse("s", test)), typed.Test("is_known", SEATS, ())))}


CALLING = typed.Arm("a", Decimal(50), (typed.Call("crm"),))
CLAUSES: dict[str, Any] = {
    "split": (typed.Arm("a", Decimal(50), (Offer(("family",), free_months=2),)),),
    "purpose": Purpose.SERVICE,
    "worth": Money(100, "USD"),
    "at_most_once": MONTH,
    "customers_caps": (typed.CustomersCap(5, TimeUnit.DAYS),),
    "budgets": (typed.Budget(Money(100, "USD"), TimeUnit.WEEKS),),
    "hold_out": Decimal(10),
    "expires": MONTH,
}
NEEDS: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({"actions": (typed.Call("crm"),)}, ("calling a task",)),
    ({"split": (CALLING,)}, ("calling a task",)),
    ({"goal": typed.Goal("visit", MONTH)}, ("goals",)),
    ({"split": (CALLING,), "goal": typed.Goal("visit", MONTH)}, ("calling a task", "goals")),
]


RUNS: list[typed.Term] = [
    typed.CountOf(EVENTS),
    typed.SumOf(AMOUNT, EVENTS),
    typed.SinceLast(EVENTS),
    typed.Elapsed(typed.LastOf(EVENTS), Unit.MONTHS),
    typed.UsageOf("storage"),
    typed.QuotaOf("storage"),
    typed.DecidedCount(HistoryVerb.OFFERED, None),
    typed.DecidedCount(HistoryVerb.ACCEPTED, None),
    typed.Arithmetic("*", SEATS, typed.Constant(2), DataType(Kind.COUNT)),
    typed.Attribute(Owner.EVENT, "email_opened.message", DataType(Kind.TEXT)),
]


@pytest.mark.parametrize("term", RUNS, ids=lambda term: type(term).__name__)
def test_conditions_on_what_happened_before_run(term: typed.Term):
    assert waits_for(dataclasses.replace(PLAIN, **asking(term))) == ()


@pytest.mark.parametrize("clause", CLAUSES)
def test_clauses_run(clause: str):
    assert waits_for(dataclasses.replace(PLAIN, **{clause: CLAUSES[clause]})) == ()


@pytest.mark.parametrize(("changes", "expected"), NEEDS, ids=lambda value: "" if isinstance(value, dict) else value[0])
def test_each_construct_is_named(changes: dict[str, Any], expected: tuple[str, ...]):
    assert waits_for(dataclasses.replace(PLAIN, **changes)) == expected


def test_every_clause_of_a_rule_is_run_or_named():
    """A field that is added to rules is thought of here too."""
    runs = {"name", "title", "moments", "condition", "actions", "via", "priority", "starts", "ends", "was"}
    runs |= {"catch_up", *CLAUSES}
    said = {field for changes, _ in NEEDS for field in changes}
    apart = {"named", "source", "span"}
    assert {field.name for field in dataclasses.fields(Rule)} == runs | said | apart


def test_plans_leave_the_rest_out():
    waiting = dataclasses.replace(PLAIN, name="waiting", goal=typed.Goal("visit", MONTH))
    visit = Moment("visit", MomentKind.EVENT, Owner.CUSTOMER)
    catalog = Catalog("USD", "UTC", moments={"visit": visit})
    ruleset = Ruleset(catalog, (waiting, PLAIN), {}, {}, "")
    rules = Plans(ruleset).listening(MomentUse("visit"), DAY)
    assert rules == (PLAIN,)


def test_one_sentence_names_them_all():
    first = dataclasses.replace(PLAIN, name="first", goal=typed.Goal("visit", MONTH))
    second = dataclasses.replace(PLAIN, name="second", split=(CALLING,), goal=typed.Goal("visit", MONTH))
    assert notice(not_run((PLAIN,))) is None
    assert notice(not_run((PLAIN, first))) == "1 rule is checked but not run by this version: first (goals)."
    assert notice(not_run((first, PLAIN, second))) == (
        "2 rules are checked but not run by this version: first (goals), second (calling a task, goals)."
    )


# --- the commands ----------------------------------------------------------------------------------------------------

WAITING = """
rule takers on billing_anniversary offer premium goal upgrade within 30 days
rule visitors on billing_anniversary where count of website_visit in last 90 days > 3 offer premium
rule callers on billing_anniversary where tenure > 12 months call welcome
"""
SENTENCE = "This version checks the rule but does not run it:"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example rules with two that wait and one that runs; one customer whose bill comes round on 15 March."""
    folder = tmp_path_factory.mktemp("waiting")
    (folder / "customers.csv").write_text("id,first_name,country,marketing_ok\nc1,Ada,GB,yes\n")
    (folder / "subscriptions.csv").write_text(
        "id,customer,plan,status,started_on,billing_interval\ns1,c1,basic,active,2024-01-15,month\n"
    )
    assert carpe(folder, "init").returncode == 0
    (folder / "rules" / "waiting.rules").write_text(WAITING)
    with (folder / "rules" / "catalog.yaml").open("a") as catalog:
        catalog.write("\ntasks: {welcome: {channel: email}}\n")
    assert carpe(folder, "import", "customers", "customers.csv").returncode == 0
    assert carpe(folder, "import", "subscriptions", "subscriptions.csv").returncode == 0
    return folder


def test_run_says_what_it_left_out(place: Path):
    told = carpe(place, "run", "--as-of", "2026-03-15").stderr
    assert "not run by this version:" in told
    assert "takers (goals), callers (calling a task)" in told
    left_out = json.loads(carpe(place, "run", "--as-of", "2026-03-15", "--json").stdout)["not_run"]
    assert {"rule": "callers", "waits_for": ["calling a task"]} in left_out


@pytest.mark.parametrize(("rule", "waits"), [("callers", "calling a task"), ("takers", "goals")])
def test_a_preview_counts_and_says_the_rest(place: Path, rule: str, waits: str):
    told = carpe(place, "preview", rule, "--as-of", "2026-03-15").stdout
    assert "1 due, 1 of them match." in told
    assert f"{SENTENCE} {waits}." in told


@pytest.mark.parametrize(("rule", "waits"), [("callers", "calling a task"), ("takers", "goals")])
def test_an_explanation_says_so(place: Path, rule: str, waits: str):
    arguments = ("explain", "--rule", rule, "--subscription", "s1", "--as-of", "2026-03-15")
    assert f"{SENTENCE} {waits}." in carpe(place, *arguments).stdout
    assert json.loads(carpe(place, *arguments, "--json").stdout)["waits_for"] == [waits]


def test_nothing_is_decided_for_them(place: Path):
    carpe(place, "run", "--as-of", "2026-03-15")
    decided = json.loads(carpe(place, "decisions", "--json").stdout)
    assert decided
    assert not {"takers", "callers"} & {one["rule"] for one in decided}
