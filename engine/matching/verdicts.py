"""Clauses that compute, asked of some rows of a batch: arithmetic and two terms side by side.

All rows are asked at once, as vectors; the few of which a vector is unsure (`vectors`) are asked by the book.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dsl.datatypes import Value
from dsl.operators import OPERATORS
from dsl.typed import Attribute, Relation, kind
from engine.matching.arrays import Mask
from engine.matching.columns import Clause
from engine.matching.interpreter import PRESENCE, holds
from engine.matching.keys import key_of
from engine.matching.leaves import float_at
from engine.matching.reads import attributes_of, historic, sides
from engine.matching.rows import full_rows
from engine.matching.vector_reads import NUMERIC, constant, read_vector, texts
from engine.matching.vectors import Compared, Vector, compared
from engine.store.columns import keys_of


def verdicts(
    table: pa.Table, clause: Clause, points: Sequence[bool], rows: npt.NDArray[np.int64], today: dt.date
) -> npt.NDArray[np.uint8]:
    """What the clause says of the numbered rows, as codes of a flag with these points; 0 where it is open."""
    code: dict[bool | None, int] = {None: 0, False: 1, True: 1}
    code.update((truth, 2 + number) for number, truth in enumerate(points))
    attributes = list(dict.fromkeys(attribute for side in sides(clause) for attribute in attributes_of(side)))
    chosen = _columns(table, clause, attributes).take(rows)
    said = _said(chosen, clause, today)
    codes = np.where(said.present, np.where(said.true, code[True], code[False]), code[None]).astype(np.uint8)
    if len(unsure := np.flatnonzero(said.unsure)):
        by_the_book = full_rows(chosen.take(unsure), attributes, historic(clause))
        codes[unsure] = [code[holds(clause, row, today)] for row in by_the_book]
    return codes


def _columns(table: pa.Table, clause: Clause, attributes: Sequence[Attribute]) -> pa.Table:
    """Just the columns that the clause reads; any one, so that there are rows, where it reads none."""
    names = [key for one in attributes for key in keys_of(one)] + [key_of(term) for term in historic(clause)]
    return table.select(list(dict.fromkeys(names)) or table.column_names[:1])


@dataclass(frozen=True, slots=True)
class _Said:
    """Where a clause is true, where it is true or false, and which rows to ask by the book."""

    true: Mask
    present: Mask
    unsure: Mask


def _said(table: pa.Table, clause: Clause, today: dt.date) -> _Said:
    if isinstance(clause, Relation):
        return _of_two(table, clause, today)
    vector = read_vector(table, clause.term, today)
    if clause.operator in PRESENCE:
        return _Said(vector.present == (clause.operator == "is_known"), np.ones_like(vector.present), vector.unsure)
    beside = [_beside(vector, operand) for operand in clause.operands]
    unsure = np.any([vector.unsure, *(one.unsure for one in beside)], axis=0)
    return _Said(_meant(clause.operator, beside), vector.present, unsure)


def _beside(vector: Vector, operand: Value) -> Compared:
    """A vector compared with a constant; floats beside other numbers with the least float not below them."""
    if vector.is_float and isinstance(operand, Decimal | int):
        least = float_at(operand)
        equal = (vector.values == least) & (least == operand)
        return Compared(vector.values < least, equal, vector.unsure)
    return compared(vector, constant(operand, len(vector.values)))


def _meant(operator: str, beside: Sequence[Compared]) -> Mask:
    if operator not in _MEANINGS:
        return ~_MEANINGS[OPERATORS[operator].negation](beside)
    return _MEANINGS[operator](beside)


_MEANINGS: dict[str, Callable[[Sequence[Compared]], Mask]] = {
    "equal": lambda beside: beside[0].equal,
    "less": lambda beside: beside[0].less,
    "greater": lambda beside: ~(beside[0].less | beside[0].equal),
    "in": lambda beside: np.any([one.equal for one in beside], axis=0),
    "between": lambda beside: ~beside[0].less & (beside[1].less | beside[1].equal),
}


def _of_two(table: pa.Table, clause: Relation, today: dt.date) -> _Said:
    if kind(clause.left) not in NUMERIC:
        return _of_texts(table, clause)
    left, right = (read_vector(table, side, today) for side in (clause.left, clause.right))
    found = compared(left, right)
    return _Said(_meant(clause.operator, [found]), left.present & right.present, found.unsure)


def _of_texts(table: pa.Table, clause: Relation) -> _Said:
    """Texts and names are equal or not."""
    left, right = (texts(table[key_of(side)]) for side in sides(clause) if isinstance(side, Attribute))
    same = pc.equal(left, right)
    present = np.asarray(same.is_valid().to_numpy(), np.bool_)
    equal = np.asarray(pc.fill_null(same, pa.scalar(value=False)).to_numpy(), np.bool_)
    nowhere = np.zeros_like(present)
    return _Said(_meant(clause.operator, [Compared(nowhere, equal, nowhere)]), present, nowhere)
