"""Tests of rules: a made-up customer meets a moment, the rules are matched and decided, the outcome is compared.

1. The customer, their history and the instant are made from what the test gives (`made_up`).
2. If the moment concerns the subscription (`while:`), every rule of the moment that is active on the day is asked by
   the reference interpreter, which answers the whole language.
3. A rule with an experiment does what its arm does, the one that the test gives. Hold-outs are off.
4. `decide` decides, as in a pass, over a batch of one.
5. Each expectation is compared with what came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from dsl.catalog import Catalog, Owner
from dsl.rule_tests import CONTROL
from dsl.typed import Rule, Ruleset
from dsl.typed_tests import RuleTest
from engine.decisions import reasons
from engine.decisions.batch_facts import needed
from engine.decisions.deeds import is_contact
from engine.decisions.receipts import told
from engine.decisions.rule_table import compile_rules
from engine.decisions.tables import decide_batch
from engine.matching.interpreter import Clause, clauses
from engine.moments.subjects import CANCELLED, Occurrence, beside, concerns, key_columns
from engine.pricing.price_facts import PriceFacts
from engine.reports.decisions import ReceiptClause
from engine.simulation.expectations import Came, Done, Failure, about, failures
from engine.simulation.made_up import CUSTOMER, SUBSCRIPTION, MadeUp, made_up
from engine.store.rows import table_of


@dataclass(frozen=True, slots=True)
class Receipt:
    """One rule that a failing test is about: the verdict of its condition, clause by clause with the values read."""

    rule: str
    verdict: bool | None
    clauses: tuple[ReceiptClause, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one test. `problem` is why it could not be decided; `receipts` are of the rules it is about.

    `seen` has the clauses of every rule that was asked, by the rule's name.
    """

    test: RuleTest
    came: str
    failures: tuple[Failure, ...] = ()
    problem: str | None = None
    receipts: tuple[Receipt, ...] = ()
    seen: Mapping[str, Sequence[Clause]] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        return not self.failures and self.problem is None

    def to_json(self) -> dict[str, Any]:
        return {
            "title": self.test.title,
            "file": self.test.source.path,
            "line": self.test.line,
            "passed": self.passed,
            "came": self.came,
            "problem": self.problem,
            "failures": [{"expected": one.expected, "came": one.came} for one in self.failures],
            "receipts": [
                {
                    "rule": one.rule,
                    "verdict": one.verdict,
                    "clauses": [[each.text, each.value, each.verdict, each.depth] for each in one.clauses],
                }
                for one in self.receipts
            ],
        }


def run_tests(ruleset: Ruleset, tests: Iterable[RuleTest]) -> tuple[Result, ...]:
    return tuple(run_test(ruleset, test) for test in tests)


def run_test(ruleset: Ruleset, test: RuleTest) -> Result:
    """One test against the rules of its moment, as the essay above says."""
    person = made_up(ruleset.catalog, test)
    if (why := _not_concerned(ruleset.catalog, test, person)) is not None:
        came = Came((), nobody=why)
        return Result(test, came.sentence(), failures(test.expect, came))
    rules = [rule for rule in ruleset.rules if test.moment in rule.moments and rule.active_on(test.day)]
    seen = {rule.name: clauses(rule.condition, person.row, test.day, person.history) for rule in rules}
    matched = [rule for rule in rules if seen[rule.name][0].verdict is True]
    if (problem := _which_arm(matched, test.given.arm)) is not None:
        return Result(test, "", (), problem, seen=seen)
    came = Came(tuple(_decided(ruleset, test, person, _in_arms(matched, test.given.arm))))
    failed = failures(test.expect, came)
    concerned = about(test.expect, rules, came) if failed else ()
    return Result(test, came.sentence(), failed, None, tuple(_receipt(name, seen[name]) for name in concerned), seen)


def _not_concerned(catalog: Catalog, test: RuleTest, person: MadeUp) -> str | None:
    """Why the moment has no occurrence for this subscription, if it has none."""
    declared = catalog.moments.get(test.moment.moment)
    statuses = declared.statuses if declared else None
    status = person.row.get("subscription.status")
    if concerns(statuses, None if status is None else str(status)):
        return None
    wanted = f"only those that are {' or '.join(statuses)}" if statuses else f"none that is {CANCELLED}"
    return f"{test.moment.moment} concerns {wanted}, and this subscription is {status or 'in no known status'}"


# --- experiments -----------------------------------------------------------------------------------------------------


def _which_arm(matched: Sequence[Rule], arm: str | None) -> str | None:
    """What the test has to say before an experiment that it meets can be decided."""
    for rule in matched:
        names = [each.name for each in rule.split]
        if names and arm not in _arms(rule):
            given = " or ".join(f"arm {name}" for name in _arms(rule))
            return f"{rule.name} is an experiment; give the customer one of its arms: {given}"
    return None


def _arms(rule: Rule) -> list[str]:
    rest = [CONTROL] if rule.split and sum(arm.share for arm in rule.split) < 100 else []
    return [*(arm.name for arm in rule.split), *rest]


def _in_arms(matched: Sequence[Rule], arm: str | None) -> list[Rule]:
    """The rules with what they do for this customer; whoever is in no arm of a rule is left alone by it."""
    by_arm = [
        replace(rule, split=(), actions=(*rule.actions, *each.actions))
        for rule in matched
        for each in rule.split
        if each.name == arm
    ]
    return [*(rule for rule in matched if not rule.split), *by_arm]


# --- deciding --------------------------------------------------------------------------------------------------------


def _decided(ruleset: Ruleset, test: RuleTest, person: MadeUp, rules: list[Rule]) -> Iterable[Done]:
    """What became of each rule that matched, winners first."""
    if not rules:
        return
    catalog = ruleset.catalog
    declared = catalog.moments.get(test.moment.moment)
    owner = declared.owner if declared else Owner.CUSTOMER
    occurrence = Occurrence(
        test.moment.moment,
        test.moment.offset,
        owner,
        CUSTOMER,
        SUBSCRIPTION,
        test.moment.moment,
        person.zone,
        person.history.at,
    )
    facts = PriceFacts(ruleset).supposed(person.row, test.day, person.history)
    priced = pa.table({name: [value] for name, value in facts.items()})
    batch = beside(key_columns([occurrence]), table_of([person.row], needed(catalog)), priced)
    matches = pa.table({"row": pa.array([0] * len(rules), pa.int64()), "rule": pa.array(range(len(rules)), pa.int64())})
    for line in decide_batch(batch, matches, compile_rules(rules, catalog), day=test.day).to_pylist():
        rule = rules[line["rule"]]
        why = reasons.sentence(line["reason"], line["detail"]) if line["reason"] else None
        yield Done(rule.name, rule.actions, line["product"], why, is_contact(rule.actions))


def _receipt(name: str, lines: Sequence[Clause]) -> Receipt:
    shown = (ReceiptClause(each.text, told(each, frozenset()), each.verdict, each.depth) for each in lines)
    return Receipt(name, lines[0].verdict, tuple(shown))
