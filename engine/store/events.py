"""Events: recorded once by source and id, with both times, and due (`pending`) only when fresh.

An event that arrives more than its catch-up bound after it happened is history: it counts in conditions and makes no
occurrence. The bound goes by the moment, because rules may say `catch up within`. One from the future beyond a clock's
error is refused; within it the event waits for its time, unless somebody asks for its decision at once. The same id
with the same body again changes nothing; with another body it is a conflict, and what was recorded first stays.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import Connection, and_, select

from dsl.catalog import Catalog, Moment, MomentKind, Owner
from dsl.datatypes import Value
from engine.store.bulk import among, insert_rows, instant_text, take_turns
from engine.store.documents import dump, encode_document
from engine.store.tables import customers, events, subscriptions

CATCH_UP = dt.timedelta(days=1)
"""How late an event may be told and still be met, where no rule says otherwise."""

Bounds = Mapping[str, dt.timedelta]
"""How late events of a moment may be told and still be met; `CATCH_UP` for a moment that is not in it."""

HOWEVER_OLD = dt.timedelta(days=366 * 400)
"""The bound of an event that is met whatever its age."""

CLOCK_ERROR = dt.timedelta(minutes=5)
NO_BOUNDS: Bounds = {}
FEW = 50
EARLIEST = dt.datetime(1900, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a customer did or met. `source` and `id` name it once and for all; `properties` by bare name."""

    id: str
    moment: str
    customer_id: str
    occurred_at: dt.datetime
    properties: Mapping[str, Value] = field(default_factory=dict)
    subscription_id: str | None = None
    source: str = "api"


@dataclass(frozen=True, slots=True)
class StagedEvent:
    """An event whose properties are in stored form: canonical JSON text."""

    id: str
    moment: str
    customer_id: str
    occurred_at: dt.datetime
    properties: str
    subscription_id: str | None
    source: str


class Fault(StrEnum):
    """Why an event, or what a meter read, was not recorded."""

    CONFLICT = "conflict"
    FUTURE = "future"
    TOO_OLD = "too-old"
    UNKNOWN_MOMENT = "unknown-moment"
    UNKNOWN_CUSTOMER = "unknown-customer"
    UNKNOWN_SUBSCRIPTION = "unknown-subscription"
    SUBSCRIPTION_NEEDED = "subscription-needed"
    UNKNOWN_METER = "unknown-meter"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is at `index` of the batch was not recorded; `column` says which part of it is at fault."""

    index: int
    fault: Fault
    column: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a batch of events: recorded, known before with the same body, refused.

    `fresh` and `met` are places in the batch: of the new ones, and of those among them that make an occurrence.
    """

    fresh: tuple[int, ...] = ()
    unchanged: int = 0
    refusals: tuple[Refusal, ...] = ()
    met: tuple[int, ...] = ()

    @property
    def new(self) -> int:
        return len(self.fresh)

    @property
    def pending(self) -> int:
        return len(self.met)

    @property
    def history(self) -> int:
        """The new ones that came too late to be met."""
        return self.new - self.pending


def event_moment(catalog: Catalog, name: str) -> Moment | None:
    """The moment of this name if it is one that events make."""
    moment = catalog.moments.get(name)
    return moment if moment is not None and moment.kind in (MomentKind.EVENT, MomentKind.CROSSING) else None


def put_events(
    connection: Connection,
    catalog: Catalog,
    batch: Iterable[Event],
    now: dt.datetime,
    *,
    catch_up: Bounds = NO_BOUNDS,
    dry: bool = False,
) -> Recorded:
    """Records the events that are new and right. Raises ValueError for a property that the catalog does not declare."""
    return record(connection, catalog, [staged(catalog, one) for one in batch], now, catch_up=catch_up, dry=dry)


def record(
    connection: Connection,
    catalog: Catalog,
    batch: Sequence[StagedEvent],
    now: dt.datetime,
    *,
    catch_up: Bounds = NO_BOUNDS,
    dry: bool = False,
) -> Recorded:
    """The same for staged events; a dry run only says what it would do."""
    if not dry:
        few = [f"{one.source}\n{one.id}" for one in batch] if len(batch) <= FEW else None
        take_turns(connection, events, few)
    known = _Known(connection, batch)
    refusals: list[Refusal] = []
    fresh: dict[int, tuple[StagedEvent, str]] = {}
    unchanged = 0
    for index, one in enumerate(batch):
        refusal = judge(catalog, known.customers, known.owners, one, index, now)
        if refusal is not None:
            refusals.append(refusal)
            continue
        digest = digest_of(one)
        recorded = known.digests.get((one.source, one.id))
        if recorded is None:
            known.digests[one.source, one.id] = digest
            fresh[index] = one, digest
        elif recorded == digest:
            unchanged += 1
        else:
            reason = "this id was recorded before with another body"
            refusals.append(Refusal(index, Fault.CONFLICT, "id", one.id, reason))
    met = tuple(index for index, (one, _) in fresh.items() if is_met(one.moment, one.occurred_at, now, catch_up))
    if not dry:
        states = {index: state_of(one.moment, one.occurred_at, now, catch_up) for index, (one, _) in fresh.items()}
        _insert(connection, fresh, states, now)
    return Recorded(tuple(fresh), unchanged, tuple(refusals), met)


def is_met(moment: str, occurred_at: dt.datetime, now: dt.datetime, catch_up: Bounds) -> bool:
    """Whether an event told at `now` is in time to make an occurrence."""
    return now - occurred_at <= catch_up.get(moment, CATCH_UP)


def state_of(moment: str, occurred_at: dt.datetime, now: dt.datetime, catch_up: Bounds) -> str:
    """What an event that is told at `now` is recorded as."""
    if not is_met(moment, occurred_at, now, catch_up):
        return "history"
    return "live" if catch_up.get(moment) == HOWEVER_OLD else "pending"


def staged(catalog: Catalog, one: Event) -> StagedEvent:
    """The event with its properties in stored form. Raises ValueError for one that the catalog does not declare."""
    moment = event_moment(catalog, one.moment)
    declared = moment.properties if moment is not None else {}
    if moment is not None and (unknown := one.properties.keys() - declared.keys()):
        raise ValueError(f"{one.moment} has no property {min(unknown)}")
    properties = dump(encode_document(declared, one.properties))
    return StagedEvent(
        one.id, one.moment, one.customer_id, one.occurred_at, properties, one.subscription_id, one.source
    )


class _Known:
    """What the database has of the events' ids, customers and subscriptions."""

    def __init__(self, connection: Connection, batch: Sequence[StagedEvent]) -> None:
        people = sorted({one.customer_id for one in batch})
        owned = sorted({one.subscription_id for one in batch if one.subscription_id is not None})
        query = select(customers.c.id).where(among(connection, customers.c.id, people))
        self.customers = set(connection.execute(query).scalars())
        self.owners: dict[str, str] = {}
        if owned:
            pairs = select(subscriptions.c.id, subscriptions.c.customer_id)
            found = connection.execute(pairs.where(among(connection, subscriptions.c.id, owned)))
            self.owners = {row[0]: row[1] for row in found}
        self.digests: dict[tuple[str, str], str] = {}
        for source in {one.source for one in batch}:
            ids = [one.id for one in batch if one.source == source]
            mine = and_(events.c.source == source, among(connection, events.c.id, ids))
            rows = connection.execute(select(events.c.id, events.c.digest).where(mine))
            self.digests.update({(source, key): digest for key, digest in rows})


def judge(
    catalog: Catalog,
    people: Collection[str],
    owners: Mapping[str, str],
    one: StagedEvent,
    index: int,
    now: dt.datetime,
) -> Refusal | None:
    """The reason to refuse an event that concerns its body alone, not what was recorded before.

    `people` are the ids of customers that are known, `owners` the customers of known subscriptions.
    """
    moment = event_moment(catalog, one.moment)
    if moment is None:
        return Refusal(index, Fault.UNKNOWN_MOMENT, "moment", one.moment, "the catalog declares no such event")
    if (wrong := implausible(one.occurred_at, now)) is not None:
        return Refusal(index, wrong[0], "occurred_at", one.occurred_at.isoformat(), wrong[1])
    if one.customer_id not in people:
        return Refusal(index, Fault.UNKNOWN_CUSTOMER, "customer", one.customer_id, "there is no such customer")
    return _judge_subscription(moment, owners, one, index)


def implausible(at: dt.datetime, now: dt.datetime) -> tuple[Fault, str] | None:
    """Why an instant cannot be when something happened; None where it can."""
    if at > now + CLOCK_ERROR:
        return Fault.FUTURE, f"is in the future, by more than the {CLOCK_ERROR.seconds // 60} minutes clocks may differ"
    if at < EARLIEST or at == dt.datetime(1970, 1, 1, tzinfo=dt.UTC):
        return Fault.TOO_OLD, "is no real date"
    return None


def _judge_subscription(moment: Moment, owners: Mapping[str, str], one: StagedEvent, index: int) -> Refusal | None:
    key = one.subscription_id
    if key is None:
        if moment.owner is not Owner.SUBSCRIPTION:
            return None
        reason = f"{moment.name} belongs to a subscription: say which"
        return Refusal(index, Fault.SUBSCRIPTION_NEEDED, "subscription", "", reason)
    if owners.get(key) != one.customer_id:
        reason = "the customer has no such subscription"
        return Refusal(index, Fault.UNKNOWN_SUBSCRIPTION, "subscription", key, reason)
    return None


def digest_of(one: StagedEvent) -> str:
    """Of the body: the same id with another one is a conflict."""
    body = dump([one.moment, one.customer_id, one.subscription_id, instant_text(one.occurred_at), one.properties])
    return hashlib.blake2b(body.encode(), digest_size=16).hexdigest()


EVENT_COLUMNS = (
    "source",
    "id",
    "moment",
    "customer_id",
    "subscription_id",
    "occurred_at",
    "recorded_at",
    "properties",
    "digest",
    "state",
)
"""What is written of every event when it is recorded."""


def _insert(
    connection: Connection, fresh: Mapping[int, tuple[StagedEvent, str]], states: Mapping[int, str], now: dt.datetime
) -> None:
    recorded_at = instant_text(now)
    rows = (
        (
            one.source,
            one.id,
            one.moment,
            one.customer_id,
            one.subscription_id,
            instant_text(one.occurred_at),
            recorded_at,
            one.properties,
            digest,
            states[index],
        )
        for index, (one, digest) in fresh.items()
    )
    insert_rows(connection, events, EVENT_COLUMNS, rows)
