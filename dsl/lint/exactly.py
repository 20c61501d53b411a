"""What the quick analysis leaves open, asked of the solver. Importing this needs the extra `analysis`."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from dsl import check_errors
from dsl.diagnostics import Diagnostic
from dsl.exact import can_be_true, implies
from dsl.lint import findings, places
from dsl.lint.answers import Answer
from dsl.lint.facts import choices_of, clauses_of, facts_of, winning_condition
from dsl.lint.pairs import beats, by_moment
from dsl.printer import condition_text
from dsl.typed import All, Rule, Ruleset


def examined(ruleset: Ruleset, told: Collection[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Findings beyond those told: never true, redundant clauses, rules that one above them always outranks."""
    said = {(one.code, one.source.path, one.span.start) for one in told}
    found = [one for rule in ruleset.rules for one in _of_rule(ruleset, rule)]
    found.extend(_shadowed(ruleset))
    return tuple(one for one in found if (one.code, one.source.path, one.span.start) not in said)


def _of_rule(ruleset: Ruleset, rule: Rule) -> Iterator[Diagnostic]:
    choices = choices_of(ruleset.catalog)
    clauses = clauses_of(rule.condition)
    span = places.of_condition(rule.condition)
    if span is None:
        return
    if can_be_true(rule.condition, choices).answer is Answer.DISPROVEN:
        yield check_errors.never_true(span, [condition_text(one) for one in clauses]).within(rule.source)
    elif implies(All(()), rule.condition, choices).answer is Answer.PROVEN:
        yield findings.always_true(span, "rule").within(rule.source)
    elif len(clauses) > 1 and not facts_of(ruleset.catalog, rule).redundant:
        for number in reversed(range(len(clauses))):
            rest = All(clauses[:number] + clauses[number + 1 :])
            if implies(rest, clauses[number], choices).answer is Answer.PROVEN:
                at = places.of_condition(clauses[number]) or span
                yield findings.redundant_clause(at).within(rule.source)
                return


def _shadowed(ruleset: Ruleset) -> Iterator[Diagnostic]:
    """By a single rule of a higher priority that goes ahead whenever it matches."""
    choices = choices_of(ruleset.catalog)
    for listening in by_moment(ruleset.rules).values():
        for rule in listening:
            for other in listening:
                if other.priority <= rule.priority or len(rule.moments) > 1 or not beats(other, rule):
                    continue
                winning = winning_condition(ruleset.catalog, other)
                if winning is not None and implies(rule.condition, winning, choices).answer is Answer.PROVEN:
                    finding = findings.shadowed(places.of_name(rule), [other.name], None)
                    yield finding.within(rule.source)
                    break
