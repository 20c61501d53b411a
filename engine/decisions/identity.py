"""Who a decision is: the same rule, subject and occurrence have the same id on every machine and at every try."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.decisions.rule_table import Ints


def decision_id(rule: str, subject: str, occurrence: str) -> str:
    """32 hex digits of BLAKE2b over the three, each behind its length so that no two triples run together."""
    return _hashed(_told(rule), _told(subject) + _told(occurrence))


def decision_ids(names: Sequence[str], table: pa.Table, row: Ints, rule: Ints) -> list[str]:
    """The same of many: of rows (`subject`, `occurrence`) of a table and rules, by their places among the names."""
    rows, place = np.unique(row, return_inverse=True)
    some = table.select(["subject", "occurrence"]).take(rows)
    parts = [part for column in some.columns for part in (pc.utf8_length(column).cast(pa.string()), ":", column)]
    whose = pc.binary_join_element_wise(*parts, "").to_pylist()
    heads = [_told(name) for name in names]
    return [_hashed(heads[number], whose[at]) for number, at in _pairs(rule, place)]


def _told(part: str) -> str:
    return f"{len(part)}:{part}"


def _hashed(rule: str, whose: str) -> str:
    return hashlib.blake2b((rule + whose).encode(), digest_size=16).hexdigest()


def _pairs(first: Ints, second: Ints) -> Iterable[tuple[int, int]]:
    return zip(first.tolist(), second.tolist(), strict=True)
