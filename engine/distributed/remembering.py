"""What a day on other machines cannot keep to: whatever everybody shares.

A snapshot tells who is in which arm, whom a customer heard from and what was declined, how offers were answered and
which stand, so that hold-outs, experiments, caps, cool-downs, quiet hours and propensities are decided away as here;
what was sent since is looked at again when a delivery is claimed (`deliveries.claim_check`). Limits are taken of by
everybody at once: a ruleset that has any is decided by a pass.
"""

from __future__ import annotations

from dsl.typed import Ruleset


def asks_the_store(ruleset: Ruleset) -> tuple[str, ...]:
    """The rules with limits, by name; nothing where the ruleset can be decided away."""
    return tuple(rule.name for rule in ruleset.rules if rule.customers_caps or rule.budgets)
