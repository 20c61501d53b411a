"""Receipts of a decided batch, written as columns: the same texts that `receipts.receipt` has, one by one.

A receipt of five clauses on an occasion that three rules met has about 390 bytes: two thirds are the clauses, in the
author's words. Building and inserting them is a fifth of a pass.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.decisions import reasons
from engine.decisions.candidates import Case
from engine.decisions.clause_texts import clause_texts
from engine.decisions.decide import Decided
from engine.decisions.deeds import RESULTS
from engine.decisions.json_texts import dumped, joined
from engine.decisions.numbering import since_first
from engine.decisions.occasions import Batch
from engine.decisions.rule_table import Ints
from engine.decisions.tables import held_as
from engine.store.documents import Json


def receipt_texts(batch: Batch, case: Case, decided: Decided) -> pa.Array:
    """The body of each candidate's receipt, as JSON text."""
    return joined('{"candidates":[', _rivals(case, decided), '],"clauses":[', _clauses(batch, decided), "]}")


def _rivals(case: Case, decided: Decided) -> pa.Array:
    """All candidates of each candidate's occasion."""
    first = np.flatnonzero(since_first(decided.occasion) == 0)
    count = len(decided.occasion)
    offsets = pa.array(np.append(first, count).astype(np.int32))
    told = pc.binary_join(pa.ListArray.from_arrays(offsets, _candidates(case, decided)), ",")
    sizes = np.diff(np.append(first, count))
    return told.take(pa.array(np.repeat(np.arange(len(first)), sizes)))


def _candidates(case: Case, decided: Decided) -> pa.Array:
    """Each candidate as JSON text, written once for each distinct rule, reason and detail."""
    found, rules, deeds = decided.candidates, case.rules.rules, case.rules.deeds
    texts = (*case.texts, None)
    reasons_and_details = (found.reason.astype(np.int64) * len(texts) + found.detail + 1) * len(
        deeds.actions
    ) + found.deed
    pairs = pa.array(reasons_and_details).dictionary_encode()
    lines: list[list[Json]] = []
    for number in pairs.dictionary.to_pylist():
        rest, deed = divmod(number, len(deeds.actions))
        reason, detail = divmod(rest, len(texts))
        rule, code = rules[deeds.rule[deed]], reasons.CODES[reason]
        result = held_as(code) or RESULTS[deeds.result[deed]]
        lines.append([rule.name, rule.priority, result, code, texts[detail - 1]])
    return dumped(lines).take(pairs.indices)


def _clauses(batch: Batch, decided: Decided) -> pa.Array:
    """The clauses of each candidate, part by part."""
    found, part = decided.candidates, batch.part_of(decided.candidates.row)
    order: list[Ints] = []
    texts: list[pa.Array] = []
    for number, one in enumerate(batch.parts):
        mine = np.flatnonzero(part == number)
        if len(mine):
            order.append(mine)
            own = found.row[mine] - batch.starts[number]
            texts.append(clause_texts(batch.rules, one.day).of(one.table, own, found.rule[mine]))
    back = np.argsort(np.concatenate(order)) if order else np.zeros(0, np.int64)
    return pa.chunked_array(texts, pa.string()).take(pa.array(back)).combine_chunks()
