"""`test` declarations: the made-up customer, the moment and the expectations, with every word looked up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass, field

from dsl import check_errors as errors
from dsl import rule_test_errors as test_errors
from dsl import syntax
from dsl.check_errors import Finding, Wrong
from dsl.checker import CheckedRule
from dsl.names import Scope, Words
from dsl.printer import counted
from dsl.rule_actions import Actions
from dsl.rule_moments import check_moments
from dsl.rule_test_facts import check_facts
from dsl.source import Source
from dsl.typed import MomentUse
from dsl.typed_tests import (
    DEFAULT_DAY,
    Expectation,
    ExpectedAbsence,
    ExpectedMessage,
    ExpectedNothing,
    ExpectedOffer,
    ExpectedRule,
    ExpectedTag,
    Outcome,
    RuleTest,
)

FIRST_YEAR, LAST_YEAR = 1970, 2199

CONTROL = "control"
"""The arm of whoever is in none of a split's: what its shares leave over."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What tests may say of a folder's rules: their names, their arms, and the moments that they listen to."""

    names: frozenset[str] = frozenset()
    arms: frozenset[str] = frozenset()
    uses: frozenset[MomentUse] = frozenset()


@dataclass(frozen=True, slots=True)
class CheckedTest:
    """A test, or None with its error."""

    source: Source
    node: syntax.Test
    test: RuleTest | None
    findings: tuple[Finding, ...] = field(default=())


def known_rules(rules: Collection[CheckedRule]) -> Rules:
    """Broken rules are known by the names that stand in their text, so that one error is told once."""
    names = {one.rule.name for one in rules if one.rule} | {one.node.name.text for one in rules if one.node.name}
    arms = {arm.name for one in rules if one.rule for arm in one.rule.split}
    arms |= {arm.name.text for one in rules if one.node.split for arm in one.node.split.arms if arm.name}
    if arms:
        arms.add(CONTROL)
    uses = {use for one in rules if one.rule for use in one.rule.moments}
    return Rules(frozenset(names), frozenset(arms), frozenset(uses))


def check_test(words: Words, rules: Rules, source: Source, node: syntax.Test) -> CheckedTest:
    scope = Scope(words)
    try:
        test = _test(scope, rules, source, node)
    except Wrong as wrong:
        return CheckedTest(source, node, None, (wrong.finding,))
    return CheckedTest(source, node, test, _unheard(rules, test, node))


def _test(scope: Scope, rules: Rules, source: Source, node: syntax.Test) -> RuleTest:
    """The parts in the order in which they stand, but that facts need the moment's words. Raises Wrong."""
    (use,), scope.moments = check_moments(scope.catalog, (node.moment,))
    day = node.at.value if node.at else _day(use)
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise Wrong(test_errors.far_day((node.at or node.moment).span, FIRST_YEAR, LAST_YEAR))
    given = check_facts(scope, node.given, day, rules.arms)
    expect = tuple(
        Expectation(_outcome(scope, rules, source, one), " ".join(source.slice(one.span).split()))
        for one in node.expect
    )
    return RuleTest(node.title.value, given, use, day, expect, source, node.span)


def _day(use: MomentUse) -> dt.date:
    """A calendar date is met on its day."""
    return use.date + dt.timedelta(use.offset) if use.date else DEFAULT_DAY


def _outcome(scope: Scope, rules: Rules, source: Source, node: syntax.Expectation) -> Outcome:
    match node:
        case syntax.ExpectOffer(offer):
            return ExpectedOffer(Actions(scope, source).offer(offer))
        case syntax.ExpectSay(message):
            known = [*scope.words.messages, *scope.words.broken_messages]
            if message.text not in known:
                raise Wrong(errors.unknown_message(message.span, message.written or message.text, known))
            return ExpectedMessage(message.text)
        case syntax.ExpectTag(tag):
            return ExpectedTag(tag.text)
        case syntax.ExpectRule(rule):
            return ExpectedRule(_rule(rules, rule))
        case syntax.ExpectNo(rule):
            return ExpectedAbsence(_rule(rules, rule))
        case syntax.ExpectNothing():
            return ExpectedNothing()


def _rule(rules: Rules, name: syntax.Name) -> str:
    if name.text not in rules.names:
        raise Wrong(test_errors.unknown_rule(name.span, name.written or name.text, sorted(rules.names)))
    return name.text


def _unheard(rules: Rules, test: RuleTest, node: syntax.Test) -> tuple[Finding, ...]:
    """A test of a moment that no rule listens to passes or fails whatever the rules say."""
    if test.moment in rules.uses:
        return ()
    others = sorted(_spelled(use) for use in rules.uses if use.moment == test.moment.moment)
    return (test_errors.nobody_listens(node.moment.span, test.moment.moment, others),)


def _spelled(use: MomentUse) -> str:
    """`7 days before renewal`."""
    if use.delay:
        hours = use.delay // dt.timedelta(hours=1)
        return f"{counted(hours // 24, 'days') if hours % 24 == 0 else counted(hours, 'hours')} after {use.moment}"
    if use.offset:
        return f"{counted(abs(use.offset), 'days')} {'before' if use.offset < 0 else 'after'} {use.moment}"
    return use.moment
