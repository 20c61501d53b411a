"""The facts of a batch, from its columns."""

from __future__ import annotations

import pyarrow as pa

from dsl.catalog import Catalog
from dsl.typed import Attribute
from engine.decisions import eligibility, learned, numbering, policy
from engine.decisions.facts import Facts
from engine.decisions.rule_table import RuleTable
from engine.pricing import situations


def needed(catalog: Catalog) -> tuple[Attribute, ...]:
    """The attributes that deciding reads of a batch, besides those that rules read."""
    read = (*eligibility.READS, *policy.contact_flags(catalog), *situations.reads(catalog), *learned.reads(catalog))
    return tuple({each.key: each for each in read}.values())


def facts_of(batch: pa.Table, rules: RuleTable) -> Facts:
    """The facts of a batch: its keys (`moments.subjects.SCHEMA`) and the columns of `needed`."""
    standing = eligibility.standing(batch, rules)
    occasion, occurrence = numbering.occasions(batch), numbering.occurrences(batch)
    return Facts(
        occasion,
        numbering.places(batch, occasion),
        occurrence,
        bool(occurrence.max(initial=-1) + 1 < len(occurrence)),
        standing,
        eligibility.holds(batch, rules, standing),
        policy.open_channels(batch, rules),
    )
