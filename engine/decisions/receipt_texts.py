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
from engine.decisions.json_texts import joined
from engine.decisions.numbering import since_first
from engine.decisions.occasions import Batch
from engine.decisions.rule_table import Ints
from engine.decisions.tables import results
from engine.store.documents import dump


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
    """Each candidate as JSON text, out of three pieces: its rule, what became of it, and what that is about."""
    found, rules, deeds = decided.candidates, case.rules.rules, case.rules.deeds
    named = [f"[{dump(rules[number].name)},{dump(rules[number].priority)}," for number in deeds.rule.tolist()]
    ends = [f"{dump(result)},{dump(code)}," for code in reasons.CODES for result in RESULTS]
    about = [f"{dump(text)}]" for text in (None, *case.texts)]
    end = found.reason.astype(np.int64) * len(RESULTS) + results(decided, case.rules)
    pieces = ((named, found.deed), (ends, end), (about, found.detail + 1))
    return joined(*(pa.array(texts, pa.string()).take(pa.array(number)) for texts, number in pieces))


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
    if len(texts) == 1:
        return texts[0]
    back = np.argsort(np.concatenate(order)) if order else np.zeros(0, np.int64)
    return pa.chunked_array(texts, pa.string()).take(pa.array(back)).combine_chunks()
