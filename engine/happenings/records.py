"""What counts for the rows of a batch, read once for all terms that ask it: every record, or the last of each row.

The database walks for each row the piece of an index that the longest window covers, and nothing else: the cost
follows the due and what happened to them, never the size of the table. Shorter windows, and those of the other zones
of the batch, are cut out of what was read (`gathered.inside`).
"""

from __future__ import annotations

from dataclasses import dataclass

from dsl.catalog import Moment, Owner
from engine.happenings.packed import Dialect, Question, stored


@dataclass(frozen=True, slots=True)
class Records:
    """Rows of a table that happened `at` some time, and which of them are those of a row of a batch."""

    table: str
    at: str
    which: str
    parameters: tuple[str, ...]

    def every(self, dialect: Dialect, after: int, upto: int, *, documents: bool = False) -> Question:
        """All that happened after `after` and not after `upto` (microseconds), with the events' documents or not."""
        line = dialect.instant.format(self.at) + (" || CAST(properties AS TEXT)" if documents else "")
        query = f"SELECT coalesce({dialect.lines.format(line)}, '') {self._mine()} AND {self.at} > ? AND {self.at} <= ?"
        return Question(query, (*self.parameters, stored(after), stored(upto)))

    def last(self, dialect: Dialect) -> Question:
        """The last, seen from the row's own instant."""
        newest = dialect.instant.format(f"max({self.at})")
        return Question(f"SELECT coalesce({newest}, '') {self._mine()} AND {self.at} <= {{now}}", self.parameters)

    def _mine(self) -> str:
        return f"FROM {self.table} WHERE {self.which}"


def events_of(moment: Moment) -> Records:
    """The events of the moment's owner: all of the customer's, or those of the subscription."""
    which = "customer_id = {customer} AND moment = ?"
    if moment.owner is Owner.SUBSCRIPTION:
        which += " AND subscription_id = {subscription}"
    return Records("events", "occurred_at", which, (moment.name,))


def offers_of(product: str | None) -> Records:
    """What the customer was offered: a product, or any."""
    which, parameters = "customer_id = {customer} AND result = ?", ("offered",)
    if product is None:
        return Records("decisions", "due_at", which, parameters)
    return Records("decisions", "due_at", f"{which} AND offer = ?", (*parameters, product))
