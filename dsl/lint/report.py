"""Everything that the analysis says of a ruleset: each check in turn, sorted by file and place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dsl.catalog import Catalog
from dsl.check_errors import Finding
from dsl.diagnostics import Diagnostic
from dsl.files import MOST_KEPT
from dsl.lint import facts as rule_facts
from dsl.lint import findings, pairs, places
from dsl.lint.answers import Answer, always
from dsl.lint.contacts import check_contacts
from dsl.lint.facts import Facts, actions_of, choices_of, clauses_of, facts_of
from dsl.lint.missing import check_missing
from dsl.lint.offers import check_offers
from dsl.lint.pairs import Relations, by_moment, relations
from dsl.lint.unused import check_unused
from dsl.lint.variables import check_variables
from dsl.memory import Memory
from dsl.messages import Message
from dsl.statistics import Statistics
from dsl.typed import Rule, Ruleset, Say


@dataclass(frozen=True, slots=True)
class Related:
    """A rule's relations to the others of one of its moments."""

    rule: Rule
    moment: str
    found: Relations


def lint(ruleset: Ruleset, statistics: Statistics | None = None) -> tuple[Diagnostic, ...]:
    """Every finding that is proven. `statistics` tell how many rows a clause leaves out."""
    found = [*check_unused(ruleset), *_of_segments(ruleset, statistics)]
    for rule in ruleset.rules:
        found.extend(_remembered(ruleset, rule) if statistics is None else _of_rule(ruleset, rule, statistics))
    found.extend(_of_relation(one).within(one.rule.source) for one in related(ruleset))
    return tuple(sorted(found, key=lambda one: (one.source.path, one.span.start, one.span.end, one.code)))


def forget() -> None:
    """Start afresh, as a new process does."""
    _rules.forget()
    rule_facts.forget()
    pairs.forget()


def related(ruleset: Ruleset) -> list[Related]:
    """The rules that others of their moment outrank or may meet; each told once, at the first such moment."""
    by_name: dict[str, Related] = {}
    rules = {rule.name: rule for rule in ruleset.rules}
    for use, listening in by_moment(ruleset.rules).items():
        for name, found in relations(ruleset.catalog, use.moment, listening).items():
            everywhere = not found.shadows or len(rules[name].moments) == 1
            if everywhere and name not in by_name:
                by_name[name] = Related(rules[name], use.moment, found)
    return list(by_name.values())


def _of_relation(one: Related) -> Finding:
    span = places.of_name(one.rule)
    if one.found.shadows:
        return findings.shadowed(span, one.found.shadows, one.found.example)
    other = one.found.meets or ""
    return findings.no_priority_between(span, other, one.found.more, one.moment, one.found.example)


_Alone = tuple[Catalog, Rule, tuple[Message, ...], tuple[Diagnostic, ...]]
_rules: Memory[_Alone] = Memory(MOST_KEPT)


def _remembered(ruleset: Ruleset, rule: Rule) -> tuple[Diagnostic, ...]:
    """Of one and the same rule, catalog and messages the findings are the same."""
    said = tuple(
        message
        for action in actions_of(rule)
        if isinstance(action, Say) and (message := ruleset.messages.get(action.message)) is not None
    )

    def make() -> _Alone:
        return ruleset.catalog, rule, said, tuple(_of_rule(ruleset, rule, None))

    return _rules.recall((id(ruleset.catalog), id(rule), *map(id, said)), rule.span.end - rule.span.start, make)[3]


def _of_rule(ruleset: Ruleset, rule: Rule, statistics: Statistics | None) -> Iterator[Diagnostic]:
    facts = facts_of(ruleset.catalog, rule)
    for finding in _findings(ruleset, rule, facts, statistics):
        yield finding.within(rule.source)


def _findings(ruleset: Ruleset, rule: Rule, facts: Facts, statistics: Statistics | None) -> Iterator[Finding]:
    if facts.always and (span := places.of_condition(rule.condition)) is not None:
        yield findings.always_true(span, "rule")
    clauses = clauses_of(rule.condition) if facts.redundant else ()
    for number in facts.redundant:
        if (span := places.of_condition(clauses[number])) is not None:
            yield findings.redundant_clause(span)
    yield from check_offers(ruleset.catalog, rule, facts)
    yield from check_contacts(ruleset.catalog, rule, facts)
    yield from check_variables(ruleset, rule, facts, statistics)
    if statistics is not None:
        yield from check_missing(rule.condition, statistics)


def _of_segments(ruleset: Ruleset, statistics: Statistics | None) -> Iterator[Diagnostic]:
    choices = choices_of(ruleset.catalog)
    for segment in ruleset.segments.values():
        span = places.of_condition(segment.condition)
        if span is not None and always(segment.condition, choices).answer is Answer.PROVEN:
            yield findings.always_true(span, "segment").within(segment.source)
        if statistics is not None:
            for finding in check_missing(segment.condition, statistics):
                yield finding.within(segment.source)
