"""The help on how offers are chosen: every number on the page is worked out by deciding itself."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

import numpy as np
import pytest
from web_world import help_blocks

from dsl import service
from dsl.catalog import Owner
from dsl.catalog_reader import read_catalog
from dsl.propensity import PropensityPolicy
from dsl.source import Source
from dsl.typed import Ruleset
from engine.decisions import reasons
from engine.decisions.armed import Armed
from engine.decisions.batch_facts import needed
from engine.decisions.batch_prices import BatchPrices
from engine.decisions.decide import decide
from engine.decisions.deeds import RESULTS
from engine.decisions.facts import Arms, Floats
from engine.decisions.precedents import Precedents
from engine.decisions.rule_table import Ints, RuleTable, compile_rules
from engine.decisions.tables import case_of, results
from engine.moments.subjects import Occurrence, beside, key_columns
from engine.store.rows import table_of
from tests.test_web_help import folder
from web import help

DAY = dt.date(2026, 3, 15)
ON_BASIC = {
    "customer.id": "c1",
    "subscription.id": "s1",
    "subscription.plan": "basic",
    "subscription.currency": "USD",
    "subscription.billing_interval": "month",
    "subscription.started_on": dt.date(2025, 1, 15),
}


def rows(table: str) -> list[list[str]]:
    """The cells of a table's rows, without tags."""
    page = help.read("arbitration")
    [body] = re.findall(rf'<table class="{table}".*?<tbody>(.*?)</tbody>', page, re.DOTALL)
    return [re.findall(r"<td>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", body)]


@pytest.fixture(scope="module")
def ruleset() -> Ruleset:
    [text] = [text for topic, text in help_blocks("rules") if topic == "arbitration"]
    checked = service.check({**folder(), "a.rules": text})
    assert checked.diagnostics == ()
    assert checked.ruleset is not None
    return checked.ruleset


@dataclass(frozen=True)
class Told:
    """The propensities that the page names, by product."""

    rules: RuleTable
    rates: dict[str, float]

    def rate(self, row: Ints, product: Ints) -> Floats:
        return np.array([self.rates[self.rules.product_names[each]] for each in product.tolist()])


def rates() -> dict[str, float]:
    said = {cells[1]: float(cells[4].rstrip("%")) / 100 for cells in rows("scores") if cells[1]}
    [(share, score)] = re.findall(r"family would bring 420, but at (\d+)% that is ([\d.]+)\.", help.read("arbitration"))
    assert 420 * int(share) / 100 == float(score)
    return {**said, "family": int(share) / 100}


def decided(ruleset: Ruleset, out: str | None = None) -> list[list[str]]:
    """rule, product, value, score and what became of it, in order of rank; `out`: the rule they are held out of."""
    rules = compile_rules(ruleset.rules, ruleset.catalog)
    at = dt.datetime(2026, 3, 15, 13, tzinfo=dt.UTC)
    met = Occurrence("billing_anniversary", 0, Owner.SUBSCRIPTION, "c1", "s1", "2026-03", "America/New_York", at)
    batch = beside(key_columns([met]), table_of([ON_BASIC], needed(ruleset.catalog)))
    held_out = {rules.number[out]: np.array([True])} if out else {}
    known = Precedents(Armed(Arms(None, held_out), {}), propensity=Told(rules, rates()))
    case = case_of(batch, rules, {}, prices=BatchPrices(batch, rules, np.array([DAY.toordinal()])), precedents=known)
    count = len(ruleset.rules)
    found = decide(case, np.zeros(count, np.int64), np.arange(count))
    one, told = found.candidates, []
    for place, result in enumerate(results(found, rules).tolist()):
        code = reasons.CODES[one.reason[place]]
        detail = case.texts[one.detail[place]] if one.detail[place] >= 0 else None
        became = f"{RESULTS[result]}: {reasons.sentence(code, detail)}" if code else RESULTS[result]
        product = rules.product_names[one.product[place]] if one.product[place] >= 0 else ""
        numbers = f"{one.value[place]:.2f}", f"{one.score[place]:.2f}"
        told.append([rules.rules[one.rule[place]].name, product, *numbers, became])
    return told


def test_the_worked_scores(ruleset: Ruleset) -> None:
    said = [[rule, product, value, score, became] for rule, product, value, _, _, score, became in rows("scores")]
    assert decided(ruleset) == said


def test_the_worth_that_is_shown_is_the_rules(ruleset: Ruleset) -> None:
    shown = {rule: worth for rule, _, _, worth, *_ in rows("scores")}
    assert shown == {each.name: f"{each.worth.minor / 100:.2f}" if each.worth else "0.00" for each in ruleset.rules}


def test_the_worked_ghost(ruleset: Ruleset) -> None:
    """The page goes by score; what is held out has no rank."""
    [out] = re.findall(r'class="ghost" data-out="(\w+)"', help.read("arbitration"))
    by_score = sorted(decided(ruleset, out), key=lambda cells: -float(cells[3]))
    assert [[rule, score, became] for rule, _, _, score, became in by_score] == rows("ghost")


def test_the_propensity_policy_is_right_and_its_defaults_are_those_said() -> None:
    [(topic, block)] = help_blocks("propensity")
    [(_, catalog)] = help_blocks("catalog")
    declared = catalog.replace("  satisfaction:", "  satisfaction_rate: {type: number}\n  satisfaction:")
    indented = "\n".join(f"  {line}" for line in block.splitlines())
    found, problems = read_catalog(Source("catalog.yaml", f"{declared.rstrip()}\n{indented}\n"))
    assert found is not None, [one.render() for one in problems]
    assert topic == "catalog"
    assert found.policies.propensity == PropensityPolicy("customer.country", "customer.satisfaction_rate", True)
    assert PropensityPolicy().prior == 5
