"""Contact policy: on which of a rule's channels may this customer be met?

Consent is a flag of the customer that the catalog names for a channel; where it is false or missing, the channel is
closed. A rule is held when every one of its channels is. What is said `as service` needs no consent.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dsl.catalog import Catalog, Owner
from dsl.datatypes import DataType, Kind
from dsl.typed import Attribute
from engine.decisions import reasons
from engine.decisions.candidates import Candidates, Case
from engine.decisions.rule_table import Ints, RuleTable

_NO_CONSENT = reasons.NUMBER[reasons.NO_CONSENT]


def consent_flags(catalog: Catalog) -> tuple[Attribute, ...]:
    """The attributes that consent reads."""
    flags = dict.fromkeys(catalog.policies.consent.values())
    return tuple(Attribute(Owner.CUSTOMER, flag, DataType(Kind.FLAG)) for flag in flags)


def open_channels(batch: pa.Table, rules: RuleTable) -> Ints:
    """The bits of the channels on which each row's customer may be met for marketing."""
    flags = rules.catalog.policies.consent
    free = sum(bit for channel, bit in rules.channel_bit.items() if channel not in flags)
    bits = np.full(batch.num_rows, free, np.int64)
    for channel, flag in flags.items():
        agreed = np.asarray(pc.fill_null(batch[f"customer.{flag}"], False), dtype=np.bool_)
        bits |= np.where(agreed, rules.channel_bit.get(channel, 0), 0)
    return bits


def hold_unmeetable(found: Candidates, case: Case) -> None:
    """Leave each candidate the channels that are open; hold the contacts that have none."""
    rules = case.rules
    marketing = rules.needs_consent[found.rule]
    found.channels &= np.where(marketing, case.facts.open[found.row], -1)
    found.hold((found.channels == 0) & rules.is_contact[found.rule], _NO_CONSENT, found.rule + rules.via_text)
