"""Reading out bits: the rows of a batch and the rules that they match, in that order."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from engine.matching.bits import Words

PAIRS_AT_ONCE = 1 << 16
"""About how many matches are read out in one go: their numbers stay in a core's caches."""

MOST_WORDS = 1 << 10
"""A piece's words, a rule: they hold as many rows as 16 bits can number."""

Pairs = tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]
"""Rows and rules."""


def read_out(bits: Words, rules: npt.NDArray[np.int32], start: int) -> Pairs:
    """The matches of a block that begins with row `start`, sorted by row, then rule.

    `rules` are the numbers of the rules that the rows of bits belong to, ascending.
    """
    if len(rules) == 1:
        only = np.flatnonzero(np.unpackbits(bits.view(np.uint8), bitorder="little").view(np.bool_))
        return only.astype(np.int32) + np.int32(start), np.full(len(only), rules[0])
    pieces = max(int(np.bitwise_count(bits).sum()) // PAIRS_AT_ONCE, bits.shape[1] // MOST_WORDS) + 1
    edges = np.linspace(0, bits.shape[1], pieces + 1, dtype=np.int64).tolist()
    found = [_piece(bits[:, first:end], start + first * 64, rules) for first, end in itertools.pairwise(edges)]
    rows, numbers = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return rows, numbers


def _piece(words: Words, start: int, rules: npt.NDArray[np.int32]) -> Pairs:
    """The same, of some columns of words, the first of which begins with row `start`.

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
    row = (first_row[octet >> 3] + ((octet & 7) * 8).astype(np.uint16))[bit >> 3] + (bit & 7).astype(np.uint16)
    order = np.argsort(row, kind="stable")
    return row[order].astype(np.int32) + np.int32(start), rules[place[octet >> 3]][(bit >> 3)[order]]
