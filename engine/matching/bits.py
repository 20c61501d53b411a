"""The bits of one block of a batch, worked out in a memory that is used again for the next block.

A block is so small that its rows of bits stay in a core's cache, and each step is one operation on many of them, for
what numpy takes to begin an operation is what some thousand octets take.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from engine.matching.column_rows import EVERY, ColumnRows
from engine.matching.leaves import Leaf
from engine.matching.normal_form import Both, Form
from engine.matching.number_codes import Codes
from engine.matching.program import NONE, Asked, Program
from engine.matching.slices import compare, sliced

Words = npt.NDArray[np.uint64]
"""One bit a row of the block, least significant first, zero beyond the last."""

Standing = Callable[[], npt.NDArray[np.int64]]
"""Which rows of a block stand in all else of a conjunct that asks a question."""

Answer = Callable[[Standing], Codes]
"""The answers to a question, as codes, at least of the rows of a block that stand."""

CACHE = 1 << 23
"""Octets that the rows of bits may take together: some of what a core's caches hold."""

SMALLEST, LARGEST = 1 << 12, 1 << 18
"""Rows of a block: what it takes to begin operations is to be little, and columns are to be read from the cache."""

BLOCKS_A_THREAD, WORTH_A_THREAD = 3, 1 << 14
"""How many blocks each thread is to have, if they are of so many rows at least."""

FEW_CLASSES = 24
"""Up to so many classes are compared one by one."""


def block_size(program: Program, rows: int, threads: int) -> int:
    """How many of a batch's rows a block has, a multiple of 64 (and not 0); every thread is to have some blocks."""
    height = program.first_set + sum(map(len, (*program.xors[:1], *program.ands[:1], program.heads)))
    most = min(CACHE * 8 // height, LARGEST, max(rows // (BLOCKS_A_THREAD * threads), WORTH_A_THREAD))
    return max(-(-min(max(most, SMALLEST), rows) // 64), 1) * 64


class Bits:
    """The rows of bits of a program, for blocks of `size` rows at most (a multiple of 64)."""

    def __init__(self, program: Program, size: int) -> None:
        self._program = program
        made, conjuncts = (len(levels[0]) if levels else 0 for levels in (program.xors, program.ands))
        self._rows = np.zeros((program.first_set + made, size // 64), np.uint64)
        self._made = self._rows[program.first_set :]
        self._conjuncts = np.empty((conjuncts, size // 64), np.uint64)
        self._gathered = np.empty((max(made, conjuncts), size // 64), np.uint64)
        self._rules = np.empty((len(program.rules), size // 64), np.uint64)

    def rules(self, codes: Sequence[Codes], answers: Sequence[Answer], size: int) -> Words:
        """The bits of each rule that can hold (`Program.rules`), until the next call.

        `codes` are those of the program's columns in a block of `size` rows, `answers` those to its questions.
        """
        self._begin(size)
        for rows, some in zip(self._program.columns, codes, strict=True):
            self._compare(rows, some)
        self._combine(self._made, self._program.xors, np.bitwise_xor)
        self._combine(self._conjuncts, self._program.ands, np.bitwise_and)
        for asked, answer in zip(self._program.asked, answers, strict=True):
            self._ask(asked, answer, size)
        for form, conjuncts in self._program.rests.items():
            self._conjuncts[conjuncts] &= self._form(form)
        np.take(self._conjuncts, self._program.heads, axis=0, out=self._rules, mode="clip")
        for place, conjunct in self._program.more:
            self._rules[place] |= self._conjuncts[conjunct]
        return self._rules

    def _begin(self, size: int) -> None:
        self._rows[:, size // 64 :] = 0
        every = np.packbits(np.ones(size, np.bool_), bitorder="little")
        self._rows[EVERY].view(np.uint8)[: len(every)] = every

    def _compare(self, rows: ColumnRows, codes: Codes) -> None:
        """The basis rows of a column."""
        into = self._rows[rows.first : rows.first + rows.height]
        if rows.height <= FEW_CLASSES:
            compare(codes, into, ordered=rows.is_ordered)
        else:
            sliced(codes, into, self._rows[EVERY], ordered=rows.is_ordered)

    def _combine(self, into: Words, levels: Sequence[npt.NDArray[np.int64]], operation: np.ufunc) -> None:
        """Level by level, the rows with these numbers; those that have most members come first."""
        for number, level in enumerate(levels):
            if not number:
                np.take(self._rows, level, axis=0, out=into, mode="clip")
                continue
            gathered = np.take(self._rows, level, axis=0, out=self._gathered[: len(level)], mode="clip")
            operation(into[: len(level)], gathered, out=into[: len(level)])

    def _ask(self, asked: Asked, answer: Answer, size: int) -> None:
        """Puts a question to the rows that still stand in a conjunct that asks it."""

        def standing() -> npt.NDArray[np.int64]:
            some: Words = np.bitwise_or.reduce(self._conjuncts[asked.askers], axis=0)
            return np.flatnonzero(np.unpackbits(some.view(np.uint8), count=size, bitorder="little"))

        self._compare(asked.rows, answer(standing))
        for number, parts in asked.sets:
            self._rows[number] = np.bitwise_xor.reduce(self._rows[list(parts)], axis=0)
        self._conjuncts[asked.wanting] &= self._rows[asked.wanted]

    def _form(self, form: Form) -> Words:
        if isinstance(form, Leaf):
            leaf: Words = self._rows[self._program.leaves[form]]
            return leaf
        parts = [self._form(item) for item in form.items]
        operation, empty = (np.bitwise_and, EVERY) if isinstance(form, Both) else (np.bitwise_or, NONE)
        found: Words = operation.reduce([self._rows[empty], *parts], axis=0)
        return found
