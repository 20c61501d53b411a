"""What a day on other machines cannot keep to yet: whatever goes by a memory that only the store has.

A snapshot tells which offers stand and what was accepted. It does not tell who is in which arm, who heard from us on
which channel, what is left of a limit, or how often offers are accepted; and results bring none of it back. A ruleset
that asks for any of this is decided by a pass, not wrongly elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsl.catalog import Policies
from dsl.typed import Rule, Ruleset


def asks_the_store(ruleset: Ruleset) -> tuple[str, ...]:
    """What the ruleset asks of the store's memory, in plain words, each once; nothing where it can be decided away."""
    said = [*_by_policies(ruleset.catalog.policies), *(one for rule in ruleset.rules for one in _by_rule(rule))]
    return tuple(dict.fromkeys(said))


def _by_policies(said: Policies) -> Iterator[str]:
    cool_downs = (said.after_decline, said.after_offer, said.between_offers)
    for present, what in (
        (said.hold_out, "a hold-out"),
        (said.caps or any(cool_downs), "caps"),
        (said.quiet, "quiet hours"),
        (said.propensity, "propensities"),
    ):
        if present:
            yield what


def _by_rule(rule: Rule) -> Iterator[str]:
    for present, what in (
        (rule.hold_out, "a hold-out"),
        (rule.split, "experiments"),
        (rule.at_most_once is not None, "caps"),
        (rule.customers_caps or rule.budgets, "limits"),
    ):
        if present:
            yield what
