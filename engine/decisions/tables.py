"""Deciding a batch of columns, and what was decided as a table: Arrow on both sides of `decide`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.decisions import reasons
from engine.decisions.batch_facts import facts_of
from engine.decisions.batch_prices import BatchPrices
from engine.decisions.candidates import Case
from engine.decisions.decide import Decided, decide
from engine.decisions.deeds import HELD, HELD_OUT, RESULTS
from engine.decisions.precedents import NO_PRECEDENTS, Precedents
from engine.decisions.rule_table import Bools, Ints, RuleTable

SCHEMA = pa.schema(
    [
        ("row", pa.int64()),  # of the batch
        ("rule", pa.int64()),  # of the table of rules
        ("rank", pa.int64()),  # within the occasion, 0 first
        ("product", pa.string()),
        ("channels", pa.list_(pa.string())),
        ("result", pa.string()),  # offered | said | tagged | held | held_out
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("slot", pa.int64()),  # of the contacts that won, from 1 on
    ]
)
"""One row a candidate, ordered by occasion and rank."""

Occurrence = tuple[str, str, int, str]
"""subject, moment, offset, key"""


def decide_batch(
    batch: pa.Table,
    matches: pa.Table,
    rules: RuleTable,
    taken: Mapping[Occurrence, str] | None = None,
    paused: Collection[str] = (),
    *,
    day: dt.date,
    precedents: Precedents = NO_PRECEDENTS,
) -> pa.Table:
    """Ranked candidates (`SCHEMA`) of the matches (`row`, `rule`) of a batch.

    `taken` are occurrences that were won before, with the rule that won: they are not won again. Rules that are
    `paused` (names) hold whatever they match. `precedents` are what was said before.
    """
    days = np.full(batch.num_rows, day.toordinal(), np.int64)
    prices = BatchPrices(batch, rules, days)
    case = case_of(batch, rules, taken or {}, paused, prices=prices, precedents=precedents)
    row, rule = (matches[name].to_numpy().astype(np.int64) for name in ("row", "rule"))
    return as_table(decide(case, row, rule), case)


def case_of(
    batch: pa.Table,
    rules: RuleTable,
    taken: Mapping[Occurrence, str],
    paused: Collection[str] = (),
    *,
    prices: BatchPrices,
    precedents: Precedents = NO_PRECEDENTS,
) -> Case:
    """A batch as deciding takes it; `prices` are its own."""
    names = tuple(dict.fromkeys(taken.values()))
    before = precedents.before(_taken(batch, taken, names), names, _paused(rules, paused), prices)
    return Case(facts_of(batch, rules), rules, before)


def _taken(batch: pa.Table, taken: Mapping[Occurrence, str], names: tuple[str, ...]) -> Ints | None:
    if not taken:
        return None
    winner = np.full(batch.num_rows, -1, np.int64)
    subjects = pa.array({subject for subject, *_ in taken}, pa.string())
    rows = np.flatnonzero(pc.is_in(batch["subject"].cast(pa.string()), subjects))
    some = batch.select(["subject", "moment", "offset", "occurrence"]).take(rows)
    found = [taken.get(key) for key in zip(*(column.to_pylist() for column in some.columns), strict=True)]
    winner[rows] = [-1 if name is None else names.index(name) for name in found]
    return winner


def _paused(rules: RuleTable, paused: Collection[str]) -> Bools | None:
    if not paused:
        return None
    return np.array([rule.name in paused for rule in rules.rules], np.bool_)


# --- what was decided ------------------------------------------------------------------------------------------------


def as_table(decided: Decided, case: Case) -> pa.Table:
    """The candidates of `decide` in words (`SCHEMA`)."""
    found, rules = decided.candidates, case.rules
    columns = [
        pa.array(found.row),
        pa.array(found.rule),
        pa.array(decided.rank),
        texts(found.product, rules.product_names),
        _channels(found.rule, found.channels, rules),
        texts(results(decided, rules), RESULTS),
        texts(found.reason, reasons.CODES),
        texts(found.detail, case.texts),
        pa.array(decided.slot, mask=~decided.won),
    ]
    return pa.table(columns, SCHEMA)


def held_as(reason: str | None) -> str | None:
    """The result of what a reason holds; None where nothing does."""
    return None if reason is None else HELD_OUT if reason in reasons.HELD_OUT else HELD


_HELD_AS = np.array([RESULTS.index(held_as(code) or HELD) for code in reasons.CODES])


def results(decided: Decided, rules: RuleTable) -> Ints:
    """What became of each candidate, as a number of RESULTS."""
    found = decided.candidates
    return np.where(found.reason != 0, _HELD_AS[found.reason], rules.deeds.result[found.deed])


def texts(numbers: Ints | np.ndarray[tuple[int], np.dtype[np.int8]], names: tuple[str | None, ...]) -> pa.Array:
    """The name of each number, null where there is none (-1)."""
    return pa.array(names, pa.string()).take(pa.array(numbers, mask=numbers < 0))


def _channels(rule: Ints, bits: Ints, rules: RuleTable) -> pa.Array:
    sets, which = channel_sets(rule, bits, rules)
    return pa.array(sets, pa.list_(pa.string())).take(which)


def channel_sets(rule: Ints, bits: Ints, rules: RuleTable) -> tuple[list[tuple[str, ...]], pa.Array]:
    """The distinct pairs of rule and bits as channels in the author's order, and which of them each candidate has."""
    pairs = pa.array(bits * len(rules.rules) + rule).dictionary_encode()
    distinct = [divmod(pair, len(rules.rules)) for pair in pairs.dictionary.to_pylist()]
    return [rules.channels(number, some) for some, number in distinct], pairs.indices
