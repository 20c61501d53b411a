"""The pass that is running: what its steps share, and its row in the table of passes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa
import sqlalchemy as sa

from dsl.catalog import Catalog
from dsl.typed import MomentUse, Rule
from engine.decisions.occasions import Part
from engine.lateness import in_time
from engine.passes.report import PassReport
from engine.plans import Plans
from engine.store.session import Store
from engine.store.tables import moves, passes


class Progress(Protocol):
    """Told how far a pass is: batches done and in all, and how many occurrences were met in them."""

    def __call__(self, done: int, total: int, rows: int = 0) -> None: ...


Check = Callable[[sa.Connection], None]
"""Asked first in every transaction of a pass: raises a CarpeError where this process may not work (any more)."""


@dataclass(frozen=True, slots=True)
class Pass:
    """`kind` is tick, day or rerun: on a day that a person orders, nothing is too late."""

    store: Store
    plans: Plans
    now: dt.datetime
    kind: str
    report: PassReport
    check: Check

    @property
    def catalog(self) -> Catalog:
        return self.plans.catalog

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """One transaction of the pass; the first one writes its row."""
        with self.store.write() as connection:
            self.check(connection)
            yield connection

    def number(self, connection: sa.Connection) -> int:
        """The pass's own number; its row is written with the first thing that it does."""
        if self.report.pass_id is None:
            values = {
                "kind": self.kind,
                "as_of": self.report.as_of,
                "started_at": self.now,
                "ruleset": self.plans.ruleset.digest,
            }
            self.report.pass_id = connection.scalars(sa.insert(passes).values(values).returning(passes.c.id)).one()
        return self.report.pass_id

    def finish(self) -> None:
        """Write the summary of a pass that did something."""
        if self.report.pass_id is None:
            return
        with self.write() as connection:
            mine: dict[str, Any] = {"finished_at": self.now, "summary": self.report.to_json()}
            connection.execute(passes.update().where(passes.c.id == self.report.pass_id).values(mine))

    def part(
        self, connection: sa.Connection, use: MomentUse, day: dt.date, table: pa.Table, rules: tuple[Rule, ...]
    ) -> Part:
        """A due set with what happened before, as far as the rules ask for it."""
        plan = self.plans.plan_of(rules)
        if plan.terms:
            table = self.plans.past_of(rules).beside(connection, self.catalog, table, day)
        return Part(use, day, table, plan, rules)

    def in_time(self, rules: Sequence[Rule], due_at: dt.datetime, zone: str) -> tuple[Rule, ...]:
        """Those of the rules that may still act on what was due then."""
        return in_time(self.catalog, rules, due_at, zone, self.now) if self.kind == "tick" else tuple(rules)


def newest_move(connection: sa.Connection) -> int:
    """The newest change of a calendar that this transaction knows, 0 for none."""
    return connection.scalar(sa.select(sa.func.max(moves.c.number))) or 0
