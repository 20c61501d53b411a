"""What counts for the rows of a batch, read once for all terms that ask it: every record, or the last of each row.

The database walks for each row the piece of an index that the longest window covers, and nothing else: the cost
follows the due and what happened to them, never the size of the table. Shorter windows, and those of the other zones
of the batch, are cut out of what was read (`gathered.inside`).

20,000 due customers, ten events each a year (`tests/bench/bench_happenings.py`), SQLite, milliseconds of a processor,
and of the wall when the operating system had nothing of the file in memory:

| events     | three counts | one with a `where` | one sum | the last ever | five terms of four moments | cold        |
|------------|--------------|--------------------|---------|---------------|----------------------------|-------------|
| 1 million  | 97           | 82                 | 77      | 127           | 232                        | 110 - 260   |
| 4 million  | 135          | 110                | 102     | 152           | 260                        | 340 - 750   |
| 16 million | 141          | 132                | 116     | 134           | 240                        | 720 - 980   |

One customer: 0.4 to 0.8 ms, 1.7 for the five terms, whatever the size. From four million on, each customer is a page
that SQLite does not keep: the search is three quarters of the time, and a tree of many times the rows is one level
deeper. So for 100 million events (extrapolated, not measured) a shard of 20,000 due should be the same 0.15
to 0.3 s, a day's 333,000 some 2.5 to 5 s of a processor, and 12 to 25 s on a disk that is cold for every page (a
page a customer, 40 to 70 microseconds each). Decided against, with these figures: roll-ups by day (the search is what
costs, and they need it too) and a file of event columns (it would save the search, and must be kept true to rows that
come late, change and are forgotten).
"""

from __future__ import annotations

from dataclasses import dataclass

from dsl.catalog import Moment, Owner
from dsl.choices import HistoryVerb
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


def offers_of(verb: HistoryVerb, product: str | None) -> Records:
    """What the customer was offered, or accepted: a product, or any. An offer is accepted once, and stays so."""
    accepted = verb is HistoryVerb.ACCEPTED
    table, at, column = ("offers", "state_at", "state") if accepted else ("decisions", "due_at", "result")
    which, parameters = f"customer_id = {{customer}} AND {column} = ?", (str(verb),)
    if product is None:
        return Records(table, at, which, parameters)
    return Records(table, at, f"{which} AND {'product' if accepted else 'offer'} = ?", (*parameters, product))
