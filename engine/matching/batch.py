"""The batch form: many rows against all rules of a moment, as operations on packed bits, a block of rows at a time.

The rules of a day become a program over numbered bit rows (one bit a row of the block):

1. *basis*: for each column and each point of it, `codes >= point` or `codes == point` (`codes`), and which values are
   known and which missing. Every distinct comparison is made once, whatever the number of rules.
2. *sets*: each distinct set of values is the XOR of the basis rows at its toggles (`values`).
3. *rules*: a conjunct is the AND of its sets, a rule the OR of its conjuncts; parts that were not multiplied out are
   evaluated as they stand, on the same bits.
4. the few bits that are left are read out as (row, rule) pairs, in that order.

Blocks are independent, so threads take turns at them: numpy lets go of the interpreter while it computes.
"""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import reduce

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.matching.bound import BoundRules, leaves_of
from engine.matching.codes import Codes, codes_of
from engine.matching.leaves import Column, Leaf, is_ordered
from engine.matching.normal_form import Both, Form
from engine.matching.values import Point, ValueSet

BLOCK = 1 << 16
"""Rows in a block: a multiple of 64 whose codes and bits stay in a core's cache."""

THREADS = 2

Bits = npt.NDArray[np.uint8]
"""One bit a row of a block, least significant first, whole 64-bit words."""

PAIRS = pa.schema([("row", pa.int32()), ("rule", pa.int32())])

_KNOWN, _MISSING = -1, -2
"""Points of the basis rows that every column has."""


@dataclass(slots=True)
class Program:
    """The numbered bit rows of one day's rules. A basis row is (column number, point number), or known or missing."""

    size: int
    columns: dict[Column, list[Point]] = field(default_factory=dict)
    basis: dict[tuple[int, int], int] = field(default_factory=dict)
    ordered: list[bool] = field(default_factory=list)
    sets: list[tuple[int, ...]] = field(default_factory=list)
    conjuncts: list[tuple[int, list[int], tuple[Form, ...]]] = field(default_factory=list)
    leaves: dict[Leaf, int] = field(default_factory=dict)


def compile_program(rules: BoundRules) -> Program:
    """Numbers everything that the rules ask."""
    program = Program(rules.size)
    rests = {leaf: rules.leaves[leaf] for one in rules.conjuncts for leaf in leaves_of(one.rest)}
    asked = [pair for one in rules.conjuncts for pair in one.sets.items()]
    asked += [(bound.column, bound.values) for bound in rests.values()]
    for column, values in asked:
        program.columns.setdefault(column, []).extend(values.toggles)
    for column, points in program.columns.items():
        points[:] = sorted(set(points))
        program.ordered.append(is_ordered(column))
    places = {column: _Place(number, points) for number, (column, points) in enumerate(program.columns.items())}
    numbers: dict[tuple[Column, ValueSet], int] = {}
    for column, values in asked:
        if (column, values) not in numbers:
            numbers[column, values] = len(program.sets)
            program.sets.append(_basis_rows(program, places[column], values))
    program.leaves = {leaf: numbers[bound.column, bound.values] for leaf, bound in rests.items()}
    program.conjuncts = [(one.rule, [numbers[pair] for pair in one.sets.items()], one.rest) for one in rules.conjuncts]
    return program


class _Place:
    """A column's number and its points' numbers."""

    def __init__(self, column: int, points: list[Point]) -> None:
        self.column = column
        self.points = {point: number for number, point in enumerate(points)}


def _basis_rows(program: Program, place: _Place, values: ValueSet) -> tuple[int, ...]:
    wanted = [place.points[point] for point in values.toggles]
    wanted += [_KNOWN] if values.inside else []
    wanted += [_MISSING] if values.missing else []
    return tuple(program.basis.setdefault((place.column, point), len(program.basis)) for point in wanted)


def run(program: Program, table: pa.Table, today: dt.date) -> pa.Table:
    """The matches among the rows of a batch: int32 columns `row` and `rule`, sorted by both."""
    if not table.num_rows or not program.conjuncts:
        return PAIRS.empty_table()
    with ThreadPoolExecutor(THREADS) as pool:
        columns = list(pool.map(lambda item: codes_of(item[0], item[1], table, today), program.columns.items()))
        starts = range(0, table.num_rows, BLOCK)
        found = list(pool.map(lambda start: _Block(program, columns, start, table.num_rows).matches(), starts))
    rows, rules = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return pa.table([pa.array(rows), pa.array(rules)], schema=PAIRS)


class _Block:
    """The bits of one block of rows."""

    def __init__(self, program: Program, columns: list[Codes], start: int, end: int) -> None:
        self._program = program
        self._start = start
        self._size = min(BLOCK, end - start)
        self._octets = (self._size + 63) // 64 * 8
        codes = [column[start : start + self._size] for column in columns]
        self._basis = [self._compare(codes[column], column, point) for column, point in program.basis]
        self._sets = [self._xor(rows) for rows in program.sets]

    def matches(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Rows (counted from the batch's first) and rules."""
        return self._pairs(self._rules())

    def _compare(self, codes: Codes, column: int, point: int) -> Bits:
        if point == _KNOWN:
            return self._packed(codes != 0)
        if point == _MISSING:
            return self._packed(codes == 0)
        return self._packed(codes >= point + 2 if self._program.ordered[column] else codes == point + 2)

    def _packed(self, bits: npt.NDArray[np.bool_]) -> Bits:
        packed = np.packbits(bits, bitorder="little")
        return packed if len(packed) == self._octets else np.pad(packed, (0, self._octets - len(packed)))

    def _xor(self, rows: tuple[int, ...]) -> Bits:
        if len(rows) == 1:
            return self._basis[rows[0]]
        return reduce(np.bitwise_xor, [self._basis[row] for row in rows], np.zeros(self._octets, dtype=np.uint8))

    def _rules(self) -> Bits:
        """A row of bits a rule."""
        rules = np.zeros((self._program.size, self._octets), dtype=np.uint8)
        for rule, sets, rest in self._program.conjuncts:
            parts = [self._sets[number] for number in sets] + [self._form(form) for form in rest]
            rules[rule] |= self._all(parts)
        return rules

    def _all(self, parts: list[Bits]) -> Bits:
        if not parts:
            return self._packed(np.ones(self._size, dtype=np.bool_))
        return reduce(np.bitwise_and, parts)

    def _form(self, form: Form) -> Bits:
        if isinstance(form, Leaf):
            return self._sets[self._program.leaves[form]]
        parts = [self._form(item) for item in form.items]
        if isinstance(form, Both):
            return self._all(parts)
        return reduce(np.bitwise_or, parts, np.zeros(self._octets, dtype=np.uint8))

    def _pairs(self, rules: Bits) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Reads out the set bits: of the words that are not zero first, then of each such word."""
        words = rules.view(np.uint64).reshape(-1)
        busy = np.flatnonzero(words)
        bits = np.flatnonzero(np.unpackbits(words[busy].view(np.uint8), bitorder="little").view(np.bool_))
        rule, word = np.divmod(busy[bits >> 6], self._octets // 8)
        order = np.sort((word * 64 + (bits & 63)) * self._program.size + rule)
        row, rule = np.divmod(order, self._program.size)
        return (row + self._start).astype(np.int32), rule.astype(np.int32)
