"""The facts of a batch, from its columns."""

from __future__ import annotations

import pyarrow as pa

from dsl.catalog import Catalog
from dsl.typed import Attribute
from engine.decisions import eligibility, numbering, policy
from engine.decisions.facts import Facts
from engine.decisions.rule_table import RuleTable


def needed(catalog: Catalog) -> tuple[Attribute, ...]:
    """The attributes that deciding reads of a batch, besides those that rules read."""
    return (*eligibility.READS, *policy.consent_flags(catalog))


def facts_of(batch: pa.Table, rules: RuleTable) -> Facts:
    """The facts of a batch: its keys (`moments.subjects.SCHEMA`) and the columns of `needed`."""
    occasion, occurrence = numbering.occasions(batch), numbering.occurrences(batch)
    return Facts(
        occasion,
        numbering.places(batch, occasion),
        occurrence,
        bool(occurrence.max(initial=-1) + 1 < len(occurrence)),
        eligibility.standing(batch, rules),
        eligibility.holds(batch, rules),
        policy.open_channels(batch, rules),
    )
