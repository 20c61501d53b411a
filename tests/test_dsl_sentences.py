"""Random sentences of the whole language: they check, are laid out, printed and read again, and have a reading."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, Phase, given, settings
from language import CATALOG
from robustness import read_rules
from sentences import files

from dsl import typed
from dsl.catalog_reader import read_catalog
from dsl.formatter import format_source
from dsl.operators import OPERATORS
from dsl.printer import condition_text
from dsl.source import Source
from dsl.typed import All, AnyOf, Condition, Not, Relation
from dsl.wording import sentence

GOLDEN, _ = read_catalog(Source("catalog.yaml", CATALOG))
# What a random sentence may be guilty of although its types fit.
UNLUCKY = {"never-true", "name-taken", "broken-segment", "no-attribute"}

# Shrinking a whole file takes minutes, and what fails is short enough to read.
often = settings(
    max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), phases=(Phase.explicit, Phase.generate)
)


@often
@given(files())
def test_what_fits_checks_and_its_layout_is_free(text: str) -> None:
    checked = read_rules(text)
    assert [one.render() for one in checked.errors if one.code not in UNLUCKY] == []


@often
@given(files())
def test_what_the_formatter_writes_out_means_the_same(text: str) -> None:
    formatted = format_source(Source("a.rules", text), GOLDEN)
    before, after = read_rules(text).ruleset, read_rules(formatted).ruleset
    assert before is not None
    assert after is not None
    assert after.rules == before.rules
    assert after.segments == before.segments


@often
@given(files())
def test_a_condition_printed_from_its_meaning_means_the_same(text: str) -> None:
    ruleset = read_rules(text).ruleset
    assert ruleset is not None
    for name, segment in ruleset.segments.items():
        printed = f"segment {name}: {condition_text(segment.condition)}"
        others = "\n".join(one.source.slice(one.span) for key, one in ruleset.segments.items() if key != name)
        again = read_rules(f"{others}\n{printed}\n").ruleset
        assert again is not None
        assert plainly(again.segments[name].condition) == plainly(segment.condition), printed


def plainly(condition: Condition, denied: bool = False) -> Condition:
    """Without `not`, but before a segment: `not contains` and `not (.. contains ..)` are two ways to say one thing."""
    match condition:
        case Not(item):
            return plainly(item, not denied)
        case typed.Test() | Relation() if denied:
            return replace(condition, operator=OPERATORS[condition.operator].negation)
        case All(items) | AnyOf(items):
            joined = AnyOf if isinstance(condition, All) == denied else All
            return joined(tuple(plainly(item, denied) for item in items))
    return Not(condition) if denied else condition


@often
@given(files())
def test_every_rule_has_a_reading(text: str) -> None:
    ruleset = read_rules(text).ruleset
    assert ruleset is not None
    for rule in ruleset.rules:
        assert sentence(rule).endswith(".")
