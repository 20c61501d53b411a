"""Did you mean: the known word nearest to a misspelt one, and lists of words as English has them."""

from __future__ import annotations

from collections.abc import Collection, Iterable


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word with the fewest slips from `word`, if they are few for its length; ties by the alphabet."""
    lowered = word.lower()
    near = [other for other in set(known) if abs(len(other) - len(word)) <= _few(word, other)]
    ranked = sorted((slips(lowered, other.lower()), other) for other in near)
    return next((other for distance, other in ranked if distance <= _few(word, other)), None)


def _few(word: str, other: str) -> int:
    return max(1, min(len(word), len(other)) // 3)


def slips(left: str, right: str) -> int:
    """Letters added, left out, replaced or swapped with their neighbour (optimal string alignment distance)."""
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        before, previous, row = row, before, [i]
        for j, b in enumerate(right, 1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                best = min(best, previous[j - 2] + 1)
            row.append(best)
    return row[-1]


def listed(words: Collection[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    *first, final = words
    return f"{', '.join(first)} {last} {final}" if first else final


def hint(word: str, known: Collection[str]) -> str | None:
    """What to try instead of an unknown word: the nearest, else the whole list if it is short."""
    if (near := closest(word, known)) is not None:
        return f"did you mean {near}?"
    return f"one of: {', '.join(known)}" if 0 < len(known) <= 12 else None
