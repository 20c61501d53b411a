"""Classes of a block's rows as rows of bits, one a class: those with the class or, of ordered ones, it or a higher one.

A few classes are compared with every row's. Of many, the rows' classes are first taken apart into their binary digits,
a row of bits a digit; what is told by the lower digits alone is then doubled, digit by digit: an operation on bits does
for 64 rows what a comparison does for one. (O'Neil and Quass, "Improved query performance with variant indexes", SIGMOD
1997, compare by such bit slices.)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.matching.number_codes import Codes

Words = npt.NDArray[np.uint64]


def compare(codes: Codes, into: Words, *, ordered: bool) -> None:
    """Fills a row of bits for each class; what lies beyond the codes is left as it is."""
    classes = np.arange(len(into), dtype=codes.dtype)[:, None]
    _pack(codes >= classes if ordered else codes == classes, into)


def sliced(codes: Codes, into: Words, every: Words, *, ordered: bool) -> None:
    """The same, from the digits of the classes; `every` holds all rows of the block."""
    digits = (len(into) - 1).bit_length()
    slices = np.zeros((digits, into.shape[1]), np.uint64)
    _pack((codes & (1 << np.arange(digits)).astype(codes.dtype)[:, None]) != 0, slices)
    into[0] = every
    for number, has_digit in enumerate(slices):
        lower, upper = into[: 1 << number], into[1 << number : 2 << number]
        np.bitwise_and(lower[: len(upper)], has_digit, out=upper)
        if ordered:
            np.bitwise_or(lower[1:], has_digit, out=lower[1:])
        else:
            np.bitwise_and(lower, ~has_digit, out=lower)


def _pack(truths: npt.NDArray[np.bool_], into: Words) -> None:
    packed = np.packbits(truths, axis=1, bitorder="little")
    into.view(np.uint8)[:, : packed.shape[1]] = packed
