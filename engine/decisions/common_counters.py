"""Counters of what many rules have in common: an event that a thousand rules listened to is one row, not a thousand.

Counters are kept by rule. Of one event nearly all that listened did not match, so the way of one event counts it once,
for the *listeners*, under their digest; what became of the few that matched is counted under their own names, there as
less that did not match. The sums are those of a row a rule. `settle` makes such rows of it: passes do so, and whoever
changes counters of one rule. Which rules the listeners were is remembered in the store's small facts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from engine.decisions.ledger import COUNTS, count
from engine.store.inserts import insert
from engine.store.tables import counters, meta

_MARK, _FACT = "*", "listeners:"

_LOOK = {
    "sqlite": f"SELECT 1 FROM {meta.name} WHERE key = ?",
    "postgresql": f"SELECT 1 FROM {meta.name} WHERE key = %s FOR KEY SHARE",
}


def listeners_of(rules: Sequence[str]) -> str:
    """The name under which these rules are counted together; no rule has such a name."""
    text = json.dumps(sorted(rules))
    return _MARK + hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def remember(connection: sa.Connection, listeners: Mapping[str, Sequence[str]]) -> None:
    """Keep, until they are settled, which rules some listeners are: in the transaction that counts for them.

    On PostgreSQL the facts are held, so that nobody settles them before this transaction has ended.
    """
    look = _LOOK[connection.dialect.name]
    for name in sorted(listeners):
        if connection.connection.cursor().execute(look, (_FACT + name,)).fetchone() is None:
            values = {"key": _FACT + name, "value": json.dumps(sorted(listeners[name]))}
            connection.execute(insert(connection, meta).values(values).on_conflict_do_nothing())


def counted_together(connection: sa.Connection) -> list[str]:
    """The listeners that are counted together and not settled."""
    mine = sa.and_(counters.c.rule >= _MARK, counters.c.rule < chr(ord(_MARK) + 1))  # names of rules begin with letters
    return sorted(connection.scalars(sa.select(counters.c.rule).where(mine).distinct()))


def settle(connection: sa.Connection) -> None:
    """Give every rule its own share of what was counted together."""
    for name in counted_together(connection):
        fact = sa.delete(meta).where(meta.c.key == _FACT + name).returning(meta.c.value)
        rules = connection.scalar(fact)
        if rules is None:
            continue  # somebody else settled them meanwhile
        taken = counters.delete().where(counters.c.rule == name).returning(counters)
        count(connection, list(_shares(connection.execute(taken).mappings().all(), json.loads(rules))))


def _shares(rows: Iterable[Mapping[Any, Any]], rules: Sequence[str]) -> Iterable[dict[str, Any]]:
    for row in rows:
        for rule in rules:
            yield {**row, "rule": rule}


def common(listeners: str, key: Mapping[str, Any], due: int) -> dict[str, Any]:
    """A row of counters: so many occurrences that all of the listeners met, none of them matched as yet."""
    return {**key, "rule": listeners, **dict.fromkeys(COUNTS, 0), "due": due, "not_matched": due}


def matched(rule: str, key: Mapping[str, Any], results: Mapping[str, int]) -> dict[str, Any]:
    """A row of counters: what became of matches that were counted together as not matched."""
    held, held_out = results.get("held", 0), results.get("held_out", 0)
    total = sum(results.values())
    told = {"not_matched": -total, "offered": total - held - held_out, "held": held, "held_out": held_out}
    return {**key, "rule": rule, **dict.fromkeys(COUNTS, 0), **told}
