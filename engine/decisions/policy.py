"""Contact policy: on which of a rule's channels may this customer be met?

Where the catalog asks for consent only, a channel is closed by a flag that is not true, and that is all. Where it says
more (caps, quiet hours, cool-downs, suppression, a rule's own `at most once`), `engine.contacts` answers. A contact is
held when every one of its channels is closed.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dsl.catalog import Catalog, Owner
from dsl.datatypes import DataType, Kind
from dsl.typed import Attribute
from engine.contacts import columns as contacts
from engine.contacts.check import check, send_at
from engine.contacts.policy import flags
from engine.decisions import reasons
from engine.decisions.candidates import Candidates, Case
from engine.decisions.facts import Reach
from engine.decisions.rule_table import Ints, RuleTable

_NO_CONSENT = reasons.NUMBER[reasons.NO_CONSENT]


def contact_flags(catalog: Catalog) -> tuple[Attribute, ...]:
    """The attributes that the policy reads."""
    return tuple(Attribute(Owner.CUSTOMER, flag, DataType(Kind.FLAG)) for flag in flags(catalog.policies))


def open_channels(batch: pa.Table, rules: RuleTable) -> Ints:
    """The bits of the channels on which each row's customer may be met for marketing."""
    consent = rules.catalog.policies.consent
    free = sum(bit for channel, bit in rules.channel_bit.items() if channel not in consent)
    bits = np.full(batch.num_rows, free, np.int64)
    for channel, flag in consent.items():
        agreed = np.asarray(pc.fill_null(batch[f"customer.{flag}"], False), dtype=np.bool_)
        bits |= np.where(agreed, rules.channel_bit.get(channel, 0), 0)
    return bits


def hold_unmeetable(found: Candidates, case: Case) -> None:
    """Leave each candidate the channels that are open; hold the contacts that have none."""
    rules = case.rules
    is_contact = rules.deeds.is_contact[found.deed]
    if case.before.reach is not None:
        _ask_policy(found, case, case.before.reach, np.flatnonzero(is_contact & (found.reason == 0)))
        return
    marketing = rules.needs_consent[found.rule]
    found.channels &= np.where(marketing, case.facts.open[found.row], -1)
    found.hold((found.channels == 0) & is_contact, _NO_CONSENT, found.rule + rules.via_text)


def _ask_policy(found: Candidates, case: Case, reach: Reach, mine: Ints) -> None:
    verdict = check(asking(found, case.rules, reach, mine), reach.contacted, case.rules.contact_policy)
    found.channels[mine] = verdict.open.astype(np.int64)
    closed = verdict.cause >= 0
    if closed.any():
        first = case.told([cause.detail for cause in verdict.causes])
        codes = np.array([reasons.NUMBER[cause.reason] for cause in verdict.causes], np.int8)
        found.reason[mine[closed]] = codes[verdict.cause[closed]]
        found.detail[mine[closed]] = verdict.cause[closed] + first


def due_by_channel(found: Candidates, rules: RuleTable, reach: Reach, mine: Ints) -> dict[str, Ints]:
    """Of the channels whose quiet hours make wait: when some candidates may be sent (microseconds of Unix time)."""
    if not rules.catalog.policies.quiet:
        return {}
    waiting = send_at(asking(found, rules, reach, mine), rules.contact_policy)
    return {rules.contact_policy.channels[place]: instants for place, instants in waiting.items()}


def asking(found: Candidates, rules: RuleTable, reach: Reach, mine: Ints) -> contacts.Candidates:
    """Some candidates, as the contact policy takes them."""
    row, rule = found.row[mine], found.rule[mine]
    purpose = np.where(rules.needs_consent[rule], contacts.MARKETING, contacts.SERVICE)
    return contacts.Candidates(
        reach.customer[row],
        rule,
        found.product[mine],
        purpose,
        found.channels[mine].astype(np.uint64),
        reach.leave.consented(row, purpose),
        reach.leave.unsuppressed[row],
        reach.at[row],
        reach.at[row],
        reach.zone[row],
        reach.zones,
    )
