"""Who is due and all that is known of them, as Spark finds it: comparisons with constants, joins by customer.

Spark looks at the dates of everybody with the constants of `moments.calendar.anchors` (all who have an occurrence pass,
some others may), takes the customers found, and joins to them their subscriptions and as much of their past as the
rules of the day ask for. Customers with events that wait, or with a delay after an event that may be over, come with
them. The exact answer is worked out later, group by group (`deciding`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

from dsl.catalog import Owner
from dsl.typed import DecidedCount, Historic, QuotaOf, UsageOf
from engine.decisions.contacted import longest_window
from engine.distributed.gates import any_of, passes
from engine.distributed.matching import GROUP, MET
from engine.distributed.past import ASSIGNMENT, DECISION, DELAY, EVENT, OFFER, PAST, READING, SUPPRESSION
from engine.distributed.tables import Tables, column
from engine.distributed.work import Work
from engine.happenings.spans import span
from engine.store.snapshot.pairs import OWN

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_FARTHEST = dt.timedelta(days=3)
"""From midnight in UTC to any instant that is due on a local day, wherever."""


class States:
    """The customers who may be due, in `groups` groups a shard."""

    def __init__(self, tables: Tables, work: Work, groups: int) -> None:
        self._tables, self._work = tables, work
        people = _grouped(tables.read("customers"), groups).filter("not moved")
        self._happened = self._to_be_met()
        self._earliest = self._first_instant()
        due = self._due()
        self._people = people if due is None else people.join(due, ["customer.id"], "left_semi")

    def pairs(self) -> DataFrame:
        """A row a (customer, subscription or none), with GROUP, MET and the columns of `Work.columns`.

        A customer's stand together: the first look at them (`matching`) passes once over each partition.
        """
        people = self._people.select(GROUP, *self._of(Owner.CUSTOMER, "customer.id", "zone"))
        held = self._tables.read("subscriptions")
        own = ("customer.id", "subscription.id", *(name for name in OWN if name != "zone"))
        both = people.join(held.select(*self._of(Owner.SUBSCRIPTION, *own)), ["customer.id"], "left")
        return self._with_met(both).sortWithinPartitions(column("customer.id"))

    def _with_met(self, pairs: DataFrame) -> DataFrame:
        """MET: whether anything happened to the customer that rules may still meet."""
        from pyspark.sql import functions as f

        if self._happened is None:
            return pairs.withColumn(MET, f.lit(False))
        met = self._tables.read("events").filter(self._happened).select(column("customer.id")).distinct()
        found = pairs.join(met.withColumn(MET, f.lit(True)), ["customer.id"], "left")
        return found.withColumn(MET, f.coalesce(f.col(MET), f.lit(False)))

    def past(self, people: DataFrame) -> DataFrame:
        """What happened before to some of them (GROUP, `customer.id`), as far as deciding asks (`past.PAST`)."""
        terms = self._work.terms()
        happened = [self._events(terms), self._readings(terms), self._delays()]
        said = [self._decisions(terms), self._offers(), self._assignments(), self._suppressions()]
        kinds = [*said, *happened]
        whole = reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), filter(None, kinds))
        mine = whole.join(people, ["customer.id"])
        return mine.select(GROUP, *(column(name) for name in PAST.names))

    def _of(self, owner: Owner, *own: str) -> list[Column]:
        names = [name for name in self._work.columns().names if name.startswith(f"{owner}.")]
        return [column(name) for name in dict.fromkeys((*own, *(one for one in names if not one.endswith(".id"))))]

    # --- the gate

    def _due(self) -> DataFrame | None:
        """The ids of customers with a date that a moment hangs on; None where the day itself is one for everybody."""
        gates = self._work.gates()
        if any(gate.occurring is None and gate.today for gate in gates):
            return None
        of_customers = [passes(gate) for gate in gates if gate.occurring and gate.owner is Owner.CUSTOMER]
        of_subscriptions = [passes(gate) for gate in gates if gate.occurring and gate.owner is Owner.SUBSCRIPTION]
        found = [
            self._tables.read(name).filter(any_of(gate)).select(column("customer.id"))
            for name, gate in (("customers", of_customers), ("subscriptions", of_subscriptions))
        ]
        if self._happened is not None:
            found.append(self._tables.read("events").filter(self._happened).select(column("customer.id")))
        return reduce(lambda one, other: one.union(other), found).distinct()

    # --- what happened

    def _to_be_met(self) -> Column | None:
        """The comparisons that every event passes that rules may meet on the day, at once or some time after."""
        if not self._work.happening:
            return None
        midnight = dt.datetime.combine(self._work.day, dt.time(), dt.UTC)
        moments = sorted({use.moment for use in self._work.happening})
        waits = column("state").isin("pending", "live") & (column("occurred_at") < _at(midnight + _FARTHEST))
        found = [column("moment").isin(moments) & waits]
        for use in self._work.happening:
            if use.delay:
                since, until = (_at(midnight - use.delay + shift) for shift in (-_FARTHEST, _FARTHEST))
                within = (column("occurred_at") > since) & (column("occurred_at") < until)
                found.append((column("moment") == use.moment) & (column("state") != "history") & within)
        return any_of(found)

    def _first_instant(self) -> dt.datetime:
        """The first at which anything is due: old events may wait since long."""
        from pyspark.sql import functions as f

        first = dt.datetime.combine(self._work.day, dt.time(), dt.UTC) - _FARTHEST
        if self._happened is None:
            return first
        oldest = f.min(f.unix_micros(column("occurred_at"))).alias("oldest")
        row = self._tables.read("events").filter(self._happened).agg(oldest).first()
        if row is None or row["oldest"] is None:
            return first
        return min(first, dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=row["oldest"]))

    # --- the past

    def _decisions(self, terms: Sequence[Historic]) -> DataFrame:
        """Those about the occurrences of the day, the offers that rules ask for, and what the contact policy counts."""
        from pyspark.sql import functions as f

        names = sorted({name for gate in self._work.gates() for name in gate.possible_names})
        wanted = [column("occurrence").isin(names)]
        if self._happened is not None:
            moments = sorted({use.moment for use in self._work.happening})
            wanted.append(column("moment").isin(moments) & (column("due_at") >= _at(self._earliest)))
        for term in terms:
            if isinstance(term, DecidedCount):
                after, _ = self._instants(term.window)
                wanted.append((column("result") == "offered") & (column("due_at") > _at(after)))
        if looks_back := longest_window(self._work.plans.rule_table):
            contacts = column("slot").isNotNull() | (column("result") == "held_out")
            wanted.append(contacts & (column("due_at") >= _at(max(self._earliest - looks_back, _BEGINNING))))
        return (
            self._tables.read("decisions")
            .filter(any_of(wanted))
            .withColumn("kind", f.lit(DECISION))
            .withColumnRenamed("due_at", "at")
        )

    def _events(self, terms: Sequence[Historic]) -> DataFrame | None:
        from pyspark.sql import functions as f

        asked = [term.events for term in terms if not isinstance(term, DecidedCount | QuotaOf | UsageOf)]
        if not asked and self._happened is None:
            return None
        met = f.lit(False) if self._happened is None else self._happened
        wanted = [met]
        for each in dict.fromkeys((one.moment, one.window) for one in asked):
            after, upto = self._instants(each[1])
            within = (column("occurred_at") > _at(after)) & (column("occurred_at") <= _at(upto))
            wanted.append((column("moment") == each[0]) & within)
        return (
            self._tables.read("events")
            .filter(any_of(wanted))
            .withColumn("kind", f.lit(EVENT))
            .withColumns({name: f.when(met, column(name)) for name in ("source", "state", "id")})
            .withColumnRenamed("occurred_at", "at")
            .drop("recorded_at")
        )

    def _delays(self) -> DataFrame | None:
        """What is done of what comes some time after events."""
        from pyspark.sql import functions as f

        if all(not use.delay for use in self._work.happening):
            return None
        return (
            self._tables.read("delayed")
            .filter(column("occurred_at") >= _at(self._earliest))
            .withColumn("kind", f.lit(DELAY))
            .withColumnRenamed("occurred_at", "at")
        )

    def _readings(self, terms: Sequence[Historic]) -> DataFrame | None:
        from pyspark.sql import functions as f

        meters = sorted({term.meter for term in terms if isinstance(term, UsageOf)})
        if not meters:
            return None
        return (
            self._tables.read("readings")
            .filter(column("meter").isin(meters))
            .withColumn("kind", f.lit(READING))
            .withColumnsRenamed({"read_at": "at", "meter": "moment"})
        )

    def _offers(self) -> DataFrame:
        from pyspark.sql import functions as f

        names = {"product": "offer", "state": "result", "state_at": "at", "expires_at": "until"}
        return self._tables.read("offers").withColumn("kind", f.lit(OFFER)).withColumnsRenamed(names)

    def _assignments(self) -> DataFrame | None:
        from pyspark.sql import functions as f

        if not (experiments := self._work.experiments()):
            return None
        mine = self._tables.read("assignments").filter(column("experiment").isin(experiments))
        return mine.withColumn("kind", f.lit(ASSIGNMENT)).withColumnsRenamed({"experiment": "moment", "arm": "result"})

    def _suppressions(self) -> DataFrame:
        from pyspark.sql import functions as f

        closed = self._tables.read("suppressions").withColumn("kind", f.lit(SUPPRESSION))
        return closed.withColumnRenamed("channel", "moment")

    def _instants(self, window: Any) -> tuple[dt.datetime, dt.datetime]:
        """Between which instants something may count in a window that is seen from anywhere on the day."""
        last = dt.datetime.combine(self._work.day, dt.time(), dt.UTC) + _FARTHEST
        return max(span(window, self._earliest, "UTC").after, _BEGINNING), last


_BEGINNING = dt.datetime(1900, 1, 1, tzinfo=dt.UTC)
"""Before everything that is taken in; an earlier instant is no constant for Java's calendar."""


def _at(instant: dt.datetime) -> Column:
    from pyspark.sql import functions as f

    return f.lit(instant)


def _grouped(people: DataFrame, groups: int) -> DataFrame:
    from pyspark.sql import functions as f

    within = f.pmod(f.xxhash64(column("customer.id")), f.lit(groups))
    return people.withColumn(GROUP, (f.col("shard") * groups + within).cast("int"))
