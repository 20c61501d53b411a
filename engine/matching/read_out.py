"""Reading out bits: the rows of a batch and the rules that they match, in that order."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from engine.matching.bits import Words

PAIRS_AT_ONCE = 1 << 16
"""About how many matches are read out in one go: their numbers stay in a core's caches."""

SAMPLED = 8
"""Of so many columns of words, one says how many matches there are."""

MOST_WORDS = 1 << 10
"""A piece's words, a rule: they hold as many rows as 16 bits can number."""

Pairs = tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]
"""Rows and rules."""


def read_out(bits: Words, rules: npt.NDArray[np.int32], start: int) -> list[Pairs]:
    """The matches of a block that begins with row `start`, sorted by row, then rule, in pieces.

    `rules` are the numbers of the rules that the rows of bits belong to, ascending.
    """
    if len(rules) == 1:
        only = np.flatnonzero(np.unpackbits(bits.view(np.uint8), bitorder="little").view(np.bool_))
        return [(np.add(only, start, dtype=np.int32, casting="unsafe"), np.full(len(only), rules[0]))]
    about = int(np.bitwise_count(bits[:, ::SAMPLED]).sum()) * SAMPLED
    pieces = max(about // PAIRS_AT_ONCE, bits.shape[1] // MOST_WORDS) + 1
    edges = np.linspace(0, bits.shape[1], pieces + 1, dtype=np.int64).tolist()
    return [_piece(bits[:, first:end], rules, start + first * 64) for first, end in itertools.pairwise(edges)]


def _piece(words: Words, rules: npt.NDArray[np.int32], start: int) -> Pairs:
    """The matches in some columns of words.

    Most words are empty, and most octets of the others: both are left out before bits are taken apart. They are found
    rule by rule, so that a stable sort by row is all that is missing, and numpy sorts numbers of 16 bits by radix.
    """
    flat = words.reshape(-1)
    word = np.flatnonzero(flat != 0)
    octets = flat[word].view(np.uint8)
    octet = np.flatnonzero(octets != 0)
    bit = np.flatnonzero(np.unpackbits(octets[octet], bitorder="little").view(np.bool_))
    place = word // words.shape[1]
    first_row = ((word - place * words.shape[1]) * 64).astype(np.uint16)
    first_of_octet = first_row.take(octet >> 3) + ((octet & 7) * 8).astype(np.uint16)
    octet_of_bit = bit >> 3
    row = first_of_octet.take(octet_of_bit) + (bit & 7).astype(np.uint16)
    rule = rules[place].take(octet >> 3).take(octet_of_bit)
    order = np.argsort(row, kind="stable")
    return np.add(row.take(order), start, dtype=np.int32, casting="unsafe"), rule.take(order)
