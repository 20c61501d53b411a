"""What a pass did, in numbers."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.decisions import ledger


@dataclass(slots=True)
class PassReport:
    """Sums of counters by rule, held matches and missed occurrences by reason, deliveries written.

    `pass_id` is None until there was something to write.
    """

    pass_id: int | None
    as_of: dt.date
    rules: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    held: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    contacts: int = 0
    moments: Counter[str] = field(default_factory=Counter)  # occurrences that some rule listens to

    def total(self, name: str) -> int:
        return sum(counts[name] for counts in self.rules.values())

    def add(self, found: ledger.Written) -> None:
        self.count(found.counters)
        self.held.update(found.decisions["reason"].drop_null().to_pylist())
        self.contacts += found.deliveries.num_rows

    def add_missed(self, counters: Iterable[Mapping[str, Any]], reason: str) -> None:
        listed = list(counters)
        self.count(listed)
        self.missed[reason] += sum(row["missed"] for row in listed)

    def count(self, counters: Iterable[Mapping[str, Any]]) -> None:
        """Add rows of counters."""
        for row in counters:
            self.rules[row["rule"]].update({name: row[name] for name in ledger.COUNTS})

    def to_json(self) -> dict[str, Any]:
        return {
            "pass": self.pass_id,
            "as_of": self.as_of.isoformat(),
            **{name: self.total(name) for name in ledger.COUNTS},
            "contacts": self.contacts,
            "moments": dict(sorted(self.moments.items())),
            "held_reasons": dict(self.held.most_common()),
            "missed_reasons": dict(self.missed.most_common()),
            "rules": {rule: dict(counts) for rule, counts in sorted(self.rules.items())},
        }
