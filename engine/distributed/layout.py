"""The folders that Spark reads and writes: a folder a table, any number of Parquet files in each.

A *snapshot* (`carpe snapshot`), every table by customer:

| table           | one row                | columns                                                                |
|-----------------|------------------------|------------------------------------------------------------------------|
| `manifest`      | in all                 | `Snapshot`; written last                                               |
| `customers`     | a customer             | `customer.id`, `zone`, `shard`, `moved`, attributes, parts of dates    |
| `subscriptions` | a subscription         | `customer.id`, `subscription.id`, `status`, `interval`, likewise       |
| `events`        | an event               | `EVENTS`; a folder a moment (`moment=support_call`)                    |
| `delayed`       | a delay that was met   | `DELAYED`: what came some time after an event, and is done             |
| `decisions`     | a decision made before | `DECISIONS`                                                            |
| `offers`        | an offer made before   | `OFFERS`; those that stand, and those accepted or declined             |
| `assignments`   | an arm of somebody     | `ASSIGNMENTS`                                                          |
| `suppressions`  | a closed channel       | `SUPPRESSIONS`; an empty channel is all of them                        |
| `readings`      | what a meter read      | `READINGS`                                                             |
| `batches`       | a finished batch       | `BATCHES`                                                              |
| `offer_counts`  | a product and segment  | `OFFER_COUNTS`: what propensities are learned from                     |

Attributes are typed as `store.columns` types them: money is two columns (minor units, `.currency`), a percentage is
millionths, a set a list. Beside each date that a moment hangs on are its `.day`, `.month` and `.weekday` (`gates`), and
files are sorted by the first of these days, so that a scan skips what is not due. `moved` are customers whose calendar
ever changed: what they met before decides what is due, so they are left to the store (`load`).

The *results* of a day (`carpe run --engine spark`): `manifest` (`Results`; written last), `decisions` (`DECIDED`, a
folder a shard), `counters` of what came by the calendar (`COUNTERS`) and the `events` that were met (`HAPPENED`).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

FORMAT = "3"
"""Changes whenever a table or a column does: a folder of another format is refused, not misread."""

_AT = pa.timestamp("us", "UTC")
_TEXTS = pa.list_(pa.string())

EVENTS = pa.schema(
    [
        ("customer.id", pa.string()),
        ("subscription.id", pa.string()),
        ("source", pa.string()),
        ("id", pa.string()),
        ("occurred_at", _AT),
        ("recorded_at", _AT),
        ("properties", pa.string()),  # a JSON document in stored form
        ("state", pa.string()),  # pending or live: still to be met; history: never; decided, missed
    ]
)
DELAYED = pa.schema(
    [
        ("customer.id", pa.string()),
        ("source", pa.string()),
        ("id", pa.string()),
        ("occurred_at", _AT),
        ("offset", pa.int64()),  # hours after the event
    ]
)
DECISIONS = pa.schema(
    [
        ("customer.id", pa.string()),
        ("id", pa.string()),
        ("rule", pa.string()),
        ("moment", pa.string()),
        ("offset", pa.int64()),
        ("subject", pa.string()),
        ("occurrence", pa.string()),
        ("result", pa.string()),
        ("reason", pa.string()),
        ("offer", pa.string()),
        ("channels", _TEXTS),
        ("slot", pa.int64()),
        ("due_at", _AT),
        ("withheld", pa.bool_()),  # it was to be sent, and none of it ever may
    ]
)
OFFERS = pa.schema(
    [
        ("customer.id", pa.string()),
        ("subscription.id", pa.string()),
        ("id", pa.string()),
        ("product", pa.string()),
        ("state", pa.string()),
        ("state_at", _AT),
        ("expires_at", _AT),
    ]
)
ASSIGNMENTS = pa.schema([("customer.id", pa.string()), ("experiment", pa.string()), ("arm", pa.string())])
SUPPRESSIONS = pa.schema([("customer.id", pa.string()), ("channel", pa.string())])
OFFER_COUNTS = pa.schema(
    [
        ("product", pa.string()),
        ("segment", pa.string()),
        ("shown", pa.int64()),
        ("accepted", pa.int64()),
        ("declined", pa.int64()),
    ]
)
READINGS = pa.schema(
    [
        ("customer.id", pa.string()),
        ("subscription.id", pa.string()),
        ("meter", pa.string()),
        ("read_at", _AT),
        ("used", pa.float64()),
    ]
)
BATCHES = pa.schema(
    [
        ("local_date", pa.date32()),
        ("moment", pa.string()),
        ("offset", pa.int64()),
        ("zone", pa.string()),
        ("shard", pa.int64()),
    ]
)

BATCH_KEY = [("moment", pa.string()), ("offset", pa.int64()), ("zone", pa.string()), ("shard", pa.int64())]
"""A decision belongs to a batch of the ledger, by these and the day."""

EVENT_KEY = [("source", pa.string()), ("event", pa.string())]
"""Or to an event, by these and how long after it."""

DECIDED = pa.schema(
    [
        *BATCH_KEY,
        *EVENT_KEY,  # null where the calendar brought it
        ("id", pa.string()),
        ("rule", pa.string()),
        ("subject", pa.string()),
        ("occurrence", pa.string()),
        ("customer_id", pa.string()),
        ("subscription_id", pa.string()),
        ("result", pa.string()),
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("offer", pa.string()),
        ("channels", _TEXTS),
        ("slot", pa.int64()),
        ("local_date", pa.date32()),
        ("due_at", _AT),
        ("decided_at", _AT),
        ("ruleset", pa.string()),
        ("turn", pa.int64()),  # of an event: customers' events are decided in turns, from 0 on
        ("receipt", pa.string()),  # the JSON document of the table of receipts
        ("content", pa.string()),  # that of the deliveries, one a channel; null where there are none
        ("send_at", pa.list_(_AT)),  # when each channel's delivery may be sent at the earliest
        ("made", pa.string()),  # an offer's row as JSON, without its stamps; null where there is none
        ("cost", pa.int64()),  # what a contact that won takes of its rule's budgets, in minor units of `currency`
        ("currency", pa.string()),
        ("assigned", pa.list_(pa.struct([("experiment", pa.string()), ("arm", pa.string())]))),  # for the first time
        ("exposed", pa.list_(pa.struct([("experiment", pa.string()), ("arm", pa.string()), ("ghost", pa.bool_())]))),
        ("tags", pa.list_(pa.struct([("tag", pa.string()), ("add", pa.bool_())]))),  # that it puts on or takes off
    ]
)
COUNTERS = pa.schema(
    [
        *BATCH_KEY,
        ("rule", pa.string()),
        ("occurrences", pa.int64()),  # of the moment in the batch, whatever was decided before
        ("due", pa.int64()),
        ("not_matched", pa.int64()),
        ("offered", pa.int64()),
        ("held", pa.int64()),
        ("held_out", pa.int64()),
    ]
)
HAPPENED = pa.schema(
    [
        *BATCH_KEY,
        *EVENT_KEY,
        ("customer_id", pa.string()),
        ("local_date", pa.date32()),  # of the event, or of the delay after it
        ("turn", pa.int64()),
        ("occurrences", pa.int64()),  # 1, or 0 where it concerns nobody
        ("again", _TEXTS),  # the rules that had decided it before
    ]
)
"""One row an event, and one a delay after it."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The manifest of a snapshot: what it is of, and what the store knew. Counts are rows."""

    catalog: str  # digest, as `store.reindex` makes it
    taken_at: dt.datetime
    moves_seen: int
    zones: tuple[str, ...]
    paused: tuple[str, ...]
    customers: int
    subscriptions: int
    events: int
    format: str = FORMAT

    def table(self) -> pa.Table:
        return _one_row(self)


@dataclass(frozen=True, slots=True)
class Results:
    """The manifest of a day's results. `moves_seen` and `zones` are the snapshot's, `ruleset` is a digest."""

    ruleset: str
    day: dt.date
    decided_at: dt.datetime
    moves_seen: int
    zones: tuple[str, ...]
    decisions: int
    events: int
    format: str = FORMAT

    def table(self) -> pa.Table:
        return _one_row(self)


_TYPES: dict[str, pa.DataType] = {
    "str": pa.string(),
    "int": pa.int64(),
    "dt.date": pa.date32(),
    "dt.datetime": _AT,
    "tuple[str, ...]": _TEXTS,
}


def _one_row(manifest: Snapshot | Results) -> pa.Table:
    types = {name: _TYPES[str(one.type)] for name, one in type(manifest).__dataclass_fields__.items()}
    values = asdict(manifest)
    return pa.table({name: pa.array([_plain(values[name])], kind) for name, kind in types.items()})


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def manifest_row(row: dict[str, Any]) -> dict[str, Any]:
    """The fields of a manifest from a row of its table."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
