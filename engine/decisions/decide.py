"""Decide: matches in, ranked candidates with results and reasons out. Pure, and per customer.

All occurrences of one customer due at the same instant are one *occasion*. Each match becomes a candidate; a
candidate is held where the customer may not have the offer (eligibility) or may not be met (contact policy); of the
others one contact wins the occasion: the highest priority, then rule, subject and subscription by name, so that the
order of rows and rules changes nothing. Rules that only tag contact nobody: they do not compete.

A customer's moment is tried on each of the customer's subscriptions and decided once: of the rows of one occurrence
that a rule matches, the one that ranks first is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dsl.catalog import Catalog
from dsl.typed import Attribute, Offer, Rule, Say
from engine.decisions import eligibility, reasons
from engine.decisions.policy import Consent, consent_flags

Ints = npt.NDArray[np.int64]

SCHEMA = pa.schema(
    [
        ("row", pa.int64()),  # of the batch
        ("rule", pa.int64()),  # of the rules given
        ("rank", pa.int64()),  # within the occasion, 0 first
        ("product", pa.string()),
        ("channels", pa.list_(pa.string())),
        ("result", pa.string()),  # offered | said | tagged | held
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("slot", pa.int64()),  # 1 for the contact that won
    ]
)
"""One row a candidate, ordered by occasion and rank."""

Occurrence = tuple[str, str, int, str]
"""subject, moment, offset, key"""


def needed(catalog: Catalog) -> tuple[Attribute, ...]:
    """The attributes that deciding reads of a batch, besides those that rules read."""
    return (*eligibility.READS, *consent_flags(catalog))


@dataclass(frozen=True, slots=True)
class _Drafts:
    """The matches on their way: one place a match in every list."""

    row: Ints
    rule: Ints
    product: list[str | None]
    channels: list[tuple[str, ...]]
    reason: list[str | None]
    detail: list[str | None]

    def hold(self, index: int, reason: str, detail: str | None) -> None:
        self.reason[index], self.detail[index] = reason, detail


def decide(
    batch: pa.Table,
    matches: pa.Table,
    rules: Sequence[Rule],
    catalog: Catalog,
    taken: Mapping[Occurrence, str] | None = None,
    paused: Collection[str] = (),
) -> pa.Table:
    """Ranked candidates (`SCHEMA`) of the matches (`row`, `rule`) of a batch.

    `taken` are occurrences that were won before, with the rule that won: they are not won again. Rules that are
    `paused` (names) hold whatever they match.
    """
    drafts = _propose(batch, matches, rules, catalog)
    _hold_paused(drafts, rules, paused)
    _hold_unmeetable(drafts, batch, rules, catalog)
    _hold_taken(drafts, batch, taken or {})
    occasion = _occasions(batch)[drafts.row]
    ranked = _one_an_occurrence(drafts, batch, _rank(drafts, batch, rules, occasion))
    winners = _hold_outranked(drafts, rules, ranked, occasion)
    return _table(drafts, rules, ranked, occasion, winners)


def is_contact(rule: Rule) -> bool:
    """Whether the rule meets a customer, rather than only tagging."""
    return any(isinstance(action, Offer | Say) for action in rule.actions)


def result_of(rule: Rule) -> str:
    """What becomes of a match of this rule that wins."""
    if any(isinstance(action, Offer) for action in rule.actions):
        return "offered"
    return "said" if is_contact(rule) else "tagged"


def _propose(batch: pa.Table, matches: pa.Table, rules: Sequence[Rule], catalog: Catalog) -> _Drafts:
    """Each match with its product, or held by eligibility."""
    products = eligibility.Eligibility(batch, catalog)
    row, rule = (matches[name].to_numpy().astype(np.int64) for name in ("row", "rule"))
    count = len(row)
    drafts = _Drafts(row, rule, [None] * count, [()] * count, [None] * count, [None] * count)
    for number in np.unique(rule):
        here = np.flatnonzero(rule == number)
        proposal = products.propose(rules[number], row[here])
        for index, product, reason, detail in zip(
            here.tolist(), proposal.product, proposal.reason, proposal.detail, strict=True
        ):
            drafts.product[index] = product
            if reason:
                drafts.hold(index, reason, detail)
    return drafts


def _hold_paused(drafts: _Drafts, rules: Sequence[Rule], paused: Collection[str]) -> None:
    stopped = [number for number, rule in enumerate(rules) if rule.name in paused]
    for index in np.flatnonzero(np.isin(drafts.rule, stopped)).tolist():
        drafts.hold(index, reasons.PAUSED, None)


def _hold_unmeetable(drafts: _Drafts, batch: pa.Table, rules: Sequence[Rule], catalog: Catalog) -> None:
    """Set each draft's open channels; hold the contacts that have none."""
    consent = Consent(batch, catalog)
    for number in np.unique(drafts.rule):
        rule = rules[number]
        here = np.flatnonzero(drafts.rule == number)
        for index, channels in zip(here.tolist(), consent.channels(rule, drafts.row[here]), strict=True):
            drafts.channels[index] = channels
            if is_contact(rule) and not channels and drafts.reason[index] is None:
                drafts.hold(index, reasons.NO_CONSENT, " or ".join(rule.via))


def _hold_taken(drafts: _Drafts, batch: pa.Table, taken: Mapping[Occurrence, str]) -> None:
    if not taken:
        return
    keys = list(zip(*(batch[name].to_pylist() for name in ("subject", "moment", "offset", "occurrence")), strict=True))
    for index, row in enumerate(drafts.row):
        winner = taken.get(keys[row])
        if winner is not None and drafts.reason[index] is None:
            drafts.hold(index, reasons.OUTRANKED, winner)


def _rank(drafts: _Drafts, batch: pa.Table, rules: Sequence[Rule], occasion: Ints) -> Ints:
    """The drafts' indexes by occasion; within it the free before the held, then as the essay above says."""
    names = _places([each.name for each in rules])
    priority = np.array([each.priority for each in rules], np.int64)
    held = np.array([reason is not None for reason in drafts.reason], bool)
    last_first = (
        _codes(batch["subscription"])[drafts.row],
        _codes(batch["subject"])[drafts.row],
        names[drafts.rule],
        -priority[drafts.rule],
        held,
        occasion,
    )
    return np.lexsort(last_first).astype(np.int64)


def _one_an_occurrence(drafts: _Drafts, batch: pa.Table, ranked: Ints) -> list[int]:
    """Of the drafts of one rule and occurrence only the first in rank."""
    subject, key = _codes(batch["subject"]), _codes(batch["occurrence"])
    first: dict[tuple[int, int, int], int] = {}
    for index in ranked.tolist():
        row = drafts.row[index]
        first.setdefault((int(drafts.rule[index]), int(subject[row]), int(key[row])), index)
    return list(first.values())


def _hold_outranked(drafts: _Drafts, rules: Sequence[Rule], ranked: list[int], occasion: Ints) -> frozenset[int]:
    """The winners; every other free contact is held for its occasion's winner."""
    contact = [is_contact(each) for each in rules]
    winner: dict[int, int] = {}
    for index in ranked:
        if drafts.reason[index] is None and contact[drafts.rule[index]]:
            first = winner.setdefault(int(occasion[index]), index)
            if first != index:
                drafts.hold(index, reasons.OUTRANKED, rules[drafts.rule[first]].name)
    return frozenset(winner.values())


def _table(
    drafts: _Drafts, rules: Sequence[Rule], ranked: list[int], occasion: Ints, winners: frozenset[int]
) -> pa.Table:
    results = [result_of(each) for each in rules]
    rank: dict[int, int] = {}
    lines = []
    for index in ranked:
        number = int(occasion[index])
        rank[number] = rank.get(number, -1) + 1
        rule, reason = int(drafts.rule[index]), drafts.reason[index]
        lines.append(
            {
                "row": int(drafts.row[index]),
                "rule": rule,
                "rank": rank[number],
                "product": drafts.product[index],
                "channels": drafts.channels[index],
                "result": "held" if reason else results[rule],
                "reason": reason,
                "detail": drafts.detail[index],
                "slot": 1 if index in winners else None,
            }
        )
    return pa.Table.from_pylist(lines, SCHEMA)


def _places(names: Sequence[str]) -> Ints:
    """Each name's place in the sorted list of names."""
    places = np.empty(len(names), np.int64)
    places[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
    return places


def _codes(column: pa.ChunkedArray) -> Ints:
    """Each string's place in the sorted list of the column's strings; nulls come first, as -1."""
    plain = column.cast(pa.string()).combine_chunks()
    names = pc.unique(plain).drop_null()
    ordered = names.take(pc.sort_indices(names))
    return np.asarray(pc.fill_null(pc.index_in(plain, ordered), -1), dtype=np.int64)


def _occasions(batch: pa.Table) -> Ints:
    """A number for each row: the same for the same customer at the same instant, ordered by customer then instant."""
    pairs = np.stack([_codes(batch["customer"]), batch["due_at"].cast(pa.int64()).to_numpy()])
    return np.unique(pairs, axis=1, return_inverse=True)[1].reshape(-1).astype(np.int64)
