"""What messages read, against what the rules that say them ensure."""

from __future__ import annotations

from collections.abc import Iterator

from dsl.catalog import Catalog, MomentKind, Owner
from dsl.check_errors import Finding
from dsl.datatypes import DataType
from dsl.lint import findings, places
from dsl.lint.cells import presence
from dsl.lint.facts import Facts, actions_of, products_of
from dsl.lint.regions import Region
from dsl.messages import Message
from dsl.source import Span
from dsl.statistics import Statistics
from dsl.typed import Attribute, Rule, Ruleset, Say

_HERE = Region(False, (True,))


def check_variables(ruleset: Ruleset, rule: Rule, facts: Facts, statistics: Statistics | None) -> Iterator[Finding]:
    """Variables without a default that the rule's moment and condition leave open."""
    from dsl.templates import unguarded  # a library that only those who read or write a message wait for

    for action in actions_of(rule):
        message = ruleset.messages.get(action.message) if isinstance(action, Say) else None
        if message is None:
            continue
        span = _place(rule, message)
        for name in sorted(frozenset[str]().union(*map(unguarded, message.templates))):
            if name.startswith("offer.") and not products_of(rule):
                yield findings.offer_variable_without_offer(span, _called(message), name)
            attribute = _attribute(ruleset.catalog, rule, name)
            if attribute is None or _ensured(ruleset.catalog, rule, facts, attribute):
                continue
            count = statistics.missing(attribute.key) if statistics else None
            if count != 0:
                yield findings.variable_may_be_missing(span, _called(message), attribute, count)


def _place(rule: Rule, message: Message) -> Span:
    return places.of_words(
        rule, rf"\bsay\s+{message.name}\b" if message.name.isidentifier() else r"\bsay\b", r"\bsay\b"
    )


def _called(message: Message) -> str:
    return f"the message {message.name}" if message.name.isidentifier() else "this text"


def _attribute(catalog: Catalog, rule: Rule, name: str) -> Attribute | None:
    """The stored value that a variable shows; of an elapsed time the date it counts from."""
    if name.startswith("event."):
        bare = name.removeprefix("event.")
        moments = [catalog.moments[use.moment] for use in rule.moments if use.moment in catalog.moments]
        types: list[DataType] = [moment.properties[bare] for moment in moments if bare in moment.properties]
        return Attribute(Owner.EVENT, bare, types[0]) if types else None
    for owner in (Owner.CUSTOMER, Owner.SUBSCRIPTION):
        declared = catalog.attributes(owner).get(name)
        if declared is not None and declared.type.since is not None:
            return _attribute(catalog, rule, declared.type.since)
        if declared is not None:
            return Attribute(owner, name, declared.type)
    return None


def _ensured(catalog: Catalog, rule: Rule, facts: Facts, attribute: Attribute) -> bool:
    """Whether every state that the rule meets has a value: its condition asks for it, or its moments hang on it."""
    moments = [catalog.moments.get(use.moment) for use in rule.moments]
    if attribute.owner is Owner.EVENT and all(one is not None and one.kind is MomentKind.CROSSING for one in moments):
        return True
    if all(one is not None and (one.owner, one.attribute) == (attribute.owner, attribute.name) for one in moments):
        return True
    cell = presence(attribute)
    return all(box.regions.get(cell) == _HERE for box in facts.boxes.boxes)
