"""Circles among names that use names: who comes back to itself, and through whom. Cost is linear in the uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

Uses = Mapping[str, Sequence[str]]
"""Every name and the names that it uses, all of them keys too."""


def circles(uses: Uses) -> dict[str, tuple[str, ...]]:
    """For each name in a circle, all names of its circle, sorted (Kosaraju's strongly connected components).

    Names in the order in which a walk finishes with them, taken backwards: what then still leads to a name belongs to
    its circle.
    """
    users: dict[str, list[str]] = {name: [] for name in uses}
    for name, used in uses.items():
        for other in used:
            users[other].append(name)
    found: dict[str, tuple[str, ...]] = {}
    taken: set[str] = set()
    for name in reversed(list(_finished(uses, list(uses), set()))):
        ring = tuple(sorted(_finished(users, [name], taken)))
        if len(ring) > 1 or name in uses[name]:
            found.update(dict.fromkeys(ring, ring))
    return found


def _finished(uses: Uses, starts: Sequence[str], seen: set[str]) -> Iterator[str]:
    """Every name that a walk from `starts` finds and that was not `seen`, each after those it led to."""
    for start in starts:
        if start in seen:
            continue
        seen.add(start)
        path = [(start, iter(uses[start]))]
        while path:
            name, following = path[-1]
            deeper = next((other for other in following if other not in seen), None)
            if deeper is None:
                yield name
                path.pop()
            else:
                seen.add(deeper)
                path.append((deeper, iter(uses[deeper])))
