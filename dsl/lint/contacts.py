"""How a rule meets people: how often at most, and with whose consent."""

from __future__ import annotations

from collections.abc import Iterator

from dsl.catalog import Catalog, MomentKind, Owner
from dsl.check_errors import Finding
from dsl.choices import Purpose
from dsl.lint import findings, places
from dsl.lint.facts import Facts, actions_of, is_contact
from dsl.typed import Offer, Rule, Say

_REACHES_OUT = frozenset({"email", "sms", "push", "phone", "whatsapp", "letter", "mail"})
"""Channels that reach people where they did not come by themselves."""


def check_contacts(catalog: Catalog, rule: Rule, facts: Facts) -> Iterator[Finding]:
    if not is_contact(rule):
        return
    yield from _no_cap(catalog, rule)
    if rule.purpose is not Purpose.SERVICE:
        yield from _no_consent(catalog, rule, facts)


def _no_cap(catalog: Catalog, rule: Rule) -> Iterator[Finding]:
    """Customers visit, download and call often. Offers without a cap are told by the checker; service answers each."""
    capped = {cap.channel for cap in catalog.policies.caps}
    policy = "any" in capped or (rule.via and capped >= set(rule.via))
    actions = actions_of(rule)
    says = any(isinstance(one, Say) for one in actions) and not any(isinstance(one, Offer) for one in actions)
    if not says or rule.purpose is Purpose.SERVICE or policy or rule.at_most_once or rule.customers_caps:
        return
    for use in rule.moments:
        moment = catalog.moments.get(use.moment)
        if moment is not None and moment.kind is MomentKind.EVENT and moment.owner is Owner.CUSTOMER:
            yield findings.no_cap(places.of_words(rule, rf"\b{use.moment}\b"), use.moment)


def _no_consent(catalog: Catalog, rule: Rule, facts: Facts) -> Iterator[Finding]:
    asked = catalog.policies.consent
    for channel in rule.via:
        if channel in _REACHES_OUT and channel not in asked:
            yield findings.no_consent(places.of_words(rule, rf"\b{channel}\b", r"\boffer\b|\bsay\b"), channel)
    flags = tuple(dict.fromkeys(asked[channel] for channel in rule.via if channel in asked))
    if flags and all(channel in asked for channel in rule.via) and set(flags) <= set(facts.refused):
        yield findings.never_consents(places.of_condition(rule.condition) or places.of_name(rule), flags)
