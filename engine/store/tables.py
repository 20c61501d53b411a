"""Every table of the store, as SQLAlchemy Core describes it; Alembic's migrations make the same (a test asks).

Instants are UTC. JSON documents hold the catalog's attributes in stored form (`documents`). Ids are text up to 200
characters. Nothing is dated by the database: instants come from the caller.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

SHARDS = 16
"""Customers are spread over this many shards (CRC-32 of the id); one batch of a pass is one shard."""


class Instant(TypeDecorator[dt.datetime]):
    """An aware UTC datetime; SQLite keeps it as sortable text without a zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        value = value.astimezone(dt.UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


Document = JSON().with_variant(postgresql.JSONB(), "postgresql")
Id = String(200)
Serial = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers only INTEGER PRIMARY KEY by itself

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

meta = Table(
    "meta",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

# --- state and its history -------------------------------------------------------------------------------------------


def _customer_columns() -> list[Column[Any]]:
    return [
        Column("timezone", String(64)),  # as given; NULL where none was
        Column("zone", String(64), nullable=False),  # the one that counts, after the fallbacks
        Column("shard", SmallInteger, nullable=False),
        Column("tags", Document, nullable=False),  # sorted list
        Column("attributes", Document, nullable=False),
        Column("valid_from", Instant, nullable=False),  # since when this version is true
        Column("recorded_at", Instant, nullable=False),  # when we were told
    ]


def _subscription_columns() -> list[Column[Any]]:
    return [
        Column("status", String(64)),
        Column("currency", String(3), nullable=False),
        Column("addons", Document, nullable=False),  # sorted list
        Column("attributes", Document, nullable=False),  # every declared attribute, `status` too
        Column("valid_from", Instant, nullable=False),
        Column("recorded_at", Instant, nullable=False),
    ]


customers = Table("customers", metadata, Column("id", Id, primary_key=True), *_customer_columns())
Index(None, customers.c.shard, customers.c.zone)
Index(  # who lives by another zone than their own, for want of one
    "ix_customers_fallback",
    customers.c.timezone,
    sqlite_where=text("timezone IS NULL OR timezone <> zone"),
    postgresql_where=text("timezone IS NULL OR timezone <> zone"),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("customer_id", Id, ForeignKey("customers.id"), nullable=False, index=True),
    *_subscription_columns(),
)

customers_history = Table(
    "customers_history",
    metadata,
    Column("number", Serial, primary_key=True),
    Column("id", Id, nullable=False, index=True),
    *_customer_columns(),
    Column("valid_to", Instant, nullable=False),
)

subscriptions_history = Table(
    "subscriptions_history",
    metadata,
    Column("number", Serial, primary_key=True),
    Column("id", Id, nullable=False, index=True),
    Column("customer_id", Id, nullable=False),
    *_subscription_columns(),
    Column("valid_to", Instant, nullable=False),
)

# Dates that moments hang on, taken apart so that every due set is an indexed comparison with constants.
dates = Table(
    "dates",
    metadata,
    Column("owner", String(12), primary_key=True),  # customer | subscription
    Column("attribute", String(64), primary_key=True),
    Column("subject", Id, primary_key=True),
    Column("date", Date, nullable=False),
    Column("month", SmallInteger, nullable=False),
    Column("day", SmallInteger, nullable=False),
    Column("weekday", SmallInteger, nullable=False),  # Monday is 0
    sqlite_with_rowid=False,  # then each index holds the subject, and with the date a due set is read from it alone
)
Index(None, dates.c.owner, dates.c.attribute, dates.c.date)
Index(None, dates.c.owner, dates.c.attribute, dates.c.day, dates.c.month, dates.c.date)
Index(None, dates.c.owner, dates.c.attribute, dates.c.weekday, dates.c.date)

events = Table(
    "events",
    metadata,
    Column("source", String(64), primary_key=True),
    Column("id", Id, primary_key=True),
    Column("moment", String(64), nullable=False),
    Column("customer_id", Id, ForeignKey("customers.id"), nullable=False),
    Column("subscription_id", Id),
    Column("occurred_at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("properties", Document, nullable=False),
    Column("digest", String(32), nullable=False),  # of the body: the same id with another body is refused
    Column("state", String(8), nullable=False),  # history | pending | live (never too late) | decided | missed
    Column("decided_at", Instant),
)
# What happened to a customer is read from this index alone; on SQLite, whose indexes hold texts of any length, the
# properties too. Two million events: a `where` on a cold disk 1.5 s instead of 4.4, and as fast as a count in memory;
# the database is a sixth larger, an import up to an eighth slower, a lone count in memory a fifth slower. (A table
# without rowid, kept in this order, was as large as before, read no faster, and a fifth slower to write.)
_EVENTS_BY_CUSTOMER = (events.c.customer_id, events.c.moment, events.c.occurred_at, events.c.subscription_id)
Index("ix_events_with_properties", *_EVENTS_BY_CUSTOMER, events.c.properties, info={"only": "sqlite"})
Index("ix_events_of_customer", *_EVENTS_BY_CUSTOMER, info={"only": "postgresql"})
for _index in events.indexes:
    if "only" in _index.info:
        _index.ddl_if(dialect=_index.info["only"])
Index(
    "ix_events_pending",
    events.c.occurred_at,
    sqlite_where=text("state IN ('pending', 'live')"),
    postgresql_where=text("state IN ('pending', 'live')"),
)
Index(  # those that may still be met some time after they happened; what was imported as history is not among them
    "ix_events_live",
    events.c.moment,
    events.c.occurred_at,
    sqlite_where=text("state <> 'history'"),
    postgresql_where=text("state <> 'history'"),
)

# What became of an event some time after it happened; what happened at once is marked on the event itself.
delayed = Table(
    "delayed",
    metadata,
    Column("source", String(64), primary_key=True),
    Column("event_id", Id, primary_key=True),
    Column("offset", Integer, primary_key=True),  # hours after the event
    Column("state", String(8), nullable=False),  # decided | missed
    Column("decided_at", Instant, nullable=False),
)

# What meters read, one row a reading; the latest is what counts.
readings = Table(
    "readings",
    metadata,
    Column("subscription_id", Id, primary_key=True),
    Column("meter", String(64), primary_key=True),
    Column("read_at", Instant, primary_key=True),
    Column("used", Float, nullable=False),  # in the meter's unit
    Column("quota", Float),  # what the subscription might use at that time; NULL where nothing said
    Column("recorded_at", Instant, nullable=False),
)

# --- what changed ----------------------------------------------------------------------------------------------------

# What the calendar of a customer or subscription hung on before it changed: its zone, the dates of its moments, its
# billing interval. A new one has nothing before it. `lasting` is a change that tells for long what was met already: of
# a zone, a date that recurs, the interval; the others go when nobody can be late any more. Numbers are never used
# again. The days from `met_from` to `met_until` are those that a pass has looked at for what the change brought after
# its batch was finished, and `met_seen` the newest move that it knew then; until then they are NULL.
moves = Table(
    "moves",
    metadata,
    Column("number", Serial, primary_key=True),
    Column("owner", String(12), nullable=False),  # customer | subscription
    Column("subject", Id, nullable=False, index=True),
    Column("customer_id", Id, nullable=False),
    Column("shard", SmallInteger, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("before", Document),  # {"zone": ...} or {"dates": {...}, "interval": ...}; NULL for what is new
    Column("lasting", Boolean, nullable=False),
    Column("met_from", Date),
    Column("met_until", Date),
    Column("met_seen", BigInteger),
    sqlite_autoincrement=True,
)
Index(
    "ix_moves_passing",
    moves.c.met_until,
    sqlite_where=text("NOT lasting"),
    postgresql_where=text("NOT lasting"),
)
Index(
    "ix_moves_pending",
    moves.c.shard,
    sqlite_where=text("met_until IS NULL"),
    postgresql_where=text("met_until IS NULL"),
)

# Customers written since columnar snapshots are kept, in the order of their transactions. A snapshot knows the last row
# that it includes by number and token; while that row is here, so is every later one. Empty: no snapshots are kept.
changes = Table(
    "changes",
    metadata,
    Column("number", Serial, primary_key=True),
    Column("shard", SmallInteger, nullable=False),
    Column("customer_id", Id, nullable=False),  # empty where a journal begins
    Column("token", String(32), nullable=False),  # of the transaction: a restored database gives numbers again
)
Index(None, changes.c.shard, changes.c.number)

# --- decisions -------------------------------------------------------------------------------------------------------

passes = Table(
    "passes",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("kind", String(8), nullable=False),  # tick | day (ordered by a person) | rerun
    Column("as_of", Date, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant),  # NULL while it runs, or where it was killed
    Column("ruleset", String(64), nullable=False),
    Column("summary", Document),
)

# The ledger of finished batches: a row here means that this moment, for these customers and this day, is done.
# `rerun` is 0, or the order that had it done again for one rule.
batches = Table(
    "batches",
    metadata,
    Column("local_date", Date, primary_key=True),
    Column("moment", String(64), primary_key=True),
    Column("offset", Integer, primary_key=True),
    Column("zone", String(64), primary_key=True),
    Column("shard", SmallInteger, primary_key=True),
    Column("rerun", Integer, primary_key=True),
    Column("pass_id", Serial, nullable=False),
    Column("moves_seen", BigInteger, nullable=False),  # the newest of `moves` that it knew, 0 for none
    Column("finished_at", Instant, nullable=False),
)

# How far the ledger is complete: every scheduled moment of a zone's customers is done up to and with this local day.
frontiers = Table(
    "frontiers",
    metadata,
    Column("zone", String(64), primary_key=True),
    Column("local_date", Date, nullable=False),
)

# The same for what is met some time after an event: all that was due by this instant is marked in `delayed`.
delay_frontiers = Table(
    "delay_frontiers",
    metadata,
    Column("moment", String(64), primary_key=True),
    Column("offset", Integer, primary_key=True),  # hours
    Column("through", Instant, nullable=False),
)

# Orders of a person to try one rule again on a day that is done.
reruns = Table(
    "reruns",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("rule", String(200), nullable=False),
    Column("local_date", Date, nullable=False),
    Column("reason", Text, nullable=False),
    Column("ordered_at", Instant, nullable=False),
    Column("finished_at", Instant),
)

# One row a match: what became of it. `result` is offered | said | tagged | held | held_out.
decisions = Table(
    "decisions",
    metadata,
    Column("id", String(32), primary_key=True),  # hash of rule, subject and occurrence
    Column("rule", String(200), nullable=False),
    Column("moment", String(64), nullable=False),
    Column("offset", Integer, nullable=False),  # local days: -7 is "7 days before"; of an event, hours after it
    Column("subject", Id, nullable=False),  # the customer's or the subscription's id: whose moment it is
    Column("occurrence", String(300), nullable=False),
    Column("customer_id", Id, nullable=False),
    Column("subscription_id", Id),
    Column("result", String(8), nullable=False),
    Column("reason", String(64)),  # a code, for held and held out
    Column("detail", String(200)),  # what the code is about: the winning rule, the channel
    Column("offer", String(64)),  # plan or add-on
    Column("channels", Document, nullable=False),
    Column("slot", SmallInteger),  # NULL unless it won
    Column("local_date", Date, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("decided_at", Instant, nullable=False),
    Column("ruleset", String(64), nullable=False),
    Column("pass_id", Serial),
    UniqueConstraint("rule", "subject", "occurrence"),
)
Index(
    "uq_decisions_winner",
    decisions.c.subject,
    decisions.c.moment,
    decisions.c.offset,
    decisions.c.occurrence,
    decisions.c.slot,
    unique=True,
    sqlite_where=text("slot IS NOT NULL"),
    postgresql_where=text("slot IS NOT NULL"),
)
Index(None, decisions.c.customer_id, decisions.c.due_at)
Index(None, decisions.c.local_date, decisions.c.rule)

receipts = Table(
    "receipts",
    metadata,
    Column("decision_id", String(32), ForeignKey("decisions.id"), primary_key=True),
    Column("body", Document, nullable=False),
)

# due = not_matched + offered + held + held_out + missed, for each rule, moment, local day and pass (said and tagged
# count as offered). Events that were decided as they came have pass 0.
counters = Table(
    "counters",
    metadata,
    Column("rule", String(200), primary_key=True),
    Column("moment", String(64), primary_key=True),
    Column("offset", Integer, primary_key=True),
    Column("local_date", Date, primary_key=True),
    Column("pass_id", BigInteger, primary_key=True, autoincrement=False),
    Column("due", BigInteger, nullable=False),
    Column("not_matched", BigInteger, nullable=False),
    Column("offered", BigInteger, nullable=False),
    Column("held", BigInteger, nullable=False),
    Column("held_out", BigInteger, nullable=False),
    Column("missed", BigInteger, nullable=False),
)

# Why occurrences were missed: how many of a rule on a day, in which pass.
missed = Table(
    "missed",
    metadata,
    Column("rule", String(200), primary_key=True),
    Column("moment", String(64), primary_key=True),
    Column("offset", Integer, primary_key=True),
    Column("local_date", Date, primary_key=True),
    Column("pass_id", BigInteger, primary_key=True, autoincrement=False),
    Column("reason", String(64), nullable=False),
    Column("occurrences", BigInteger, nullable=False),
)

# Rules that decide nothing and deliver nothing until somebody resumes them; the empty name is every rule.
pauses = Table(
    "pauses",
    metadata,
    Column("rule", String(200), primary_key=True),
    Column("since", Instant, nullable=False),
    Column("reason", Text, nullable=False),
)

# --- schedulers ------------------------------------------------------------------------------------------------------

# Who works: one holder until a time of the database's own clock. A later holder has a larger token.
leases = Table(
    "leases",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("holder", String(64), nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("until", Instant, nullable=False),
)

# The running schedulers and when each last gave a sign of life, by the clock on its wall.
workers = Table(
    "workers",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("place", String(200), nullable=False),  # command, host and process, for people
    Column("started_at", Instant, nullable=False),
    Column("beat_at", Instant, nullable=False),
)

# --- deliveries ------------------------------------------------------------------------------------------------------

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("decision_id", String(32), ForeignKey("decisions.id"), nullable=False),
    Column("channel", String(64), nullable=False),
    Column("customer_id", Id, nullable=False, index=True),
    Column("state", String(8), nullable=False),  # pending | sent | withheld | failed
    Column("reason", String(200)),
    Column("due_at", Instant, nullable=False),
    Column("attempts", SmallInteger, nullable=False),
    Column("claimed_until", Instant),
    Column("finished_at", Instant),
    Column("content", Document, nullable=False),  # what to say; once sent also the text, as `outbox` keeps it
    UniqueConstraint("decision_id", "channel"),
)
Index(
    "ix_deliveries_pending",
    deliveries.c.due_at,
    sqlite_where=text("state = 'pending'"),
    postgresql_where=text("state = 'pending'"),
)

# --- offers ----------------------------------------------------------------------------------------------------------

# One row an offer that was made: what was promised, frozen as quoted, and what became of it. `id` is its decision's.
# `basis` is what the quote was made from (plan, interval, currency): where that changed, the promise no longer fits.
# Amounts are minor units of `currency`.
offers = Table(
    "offers",
    metadata,
    Column("id", String(32), ForeignKey("decisions.id"), primary_key=True),
    Column("rule", String(200), nullable=False),
    Column("product", String(64), nullable=False),
    Column("customer_id", Id, nullable=False),
    Column("subscription_id", Id),
    Column("segment", String(200), nullable=False),  # whose propensity it tells of; empty for everybody's
    Column("price", BigInteger),  # a billing interval, at first; NULL where nothing is to be paid by interval
    Column("currency", String(3)),
    Column("discount", BigInteger, nullable=False),  # what the reduction costs, 0 at the list price
    Column("quote", Document, nullable=False),
    Column("basis", Document, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("expires_at", Instant),  # from then on it is too late; NULL: it stands until something else happens
    Column("state", String(10), nullable=False),  # see `engine.offers.states`
    Column("state_at", Instant, nullable=False),
)
Index(None, offers.c.customer_id, offers.c.product)
Index(
    "ix_offers_expiring",
    offers.c.expires_at,
    sqlite_where=text("state IN ('offered', 'seen')"),
    postgresql_where=text("state IN ('offered', 'seen')"),
)

# What happened to offers after they were made, never changed: a key makes the same request the same change.
offer_changes = Table(
    "offer_changes",
    metadata,
    Column("number", Serial, primary_key=True),
    Column("offer_id", String(32), ForeignKey("offers.id"), nullable=False),
    Column("state", String(10), nullable=False),
    Column("at", Instant, nullable=False),
    Column("key", Id),  # of the request; NULL where Carpe itself changed it
    Column("digest", String(32)),  # of the request's body: the same key with another body is refused
    Column("by", String(64), nullable=False),  # the program or person; `carpe` itself
    Column("reason", String(200)),
    UniqueConstraint("offer_id", "key"),
)

# Accepted offers that the billing system has to carry out. It takes them at least once; the id lets it do so once.
billing_changes = Table(
    "billing_changes",
    metadata,
    Column("id", String(32), ForeignKey("offers.id"), primary_key=True),
    Column("body", Document, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("taken_at", Instant),  # when it said that it has it; NULL until then
)
Index(
    "ix_billing_changes_waiting",
    billing_changes.c.made_at,
    sqlite_where=text("taken_at IS NULL"),
    postgresql_where=text("taken_at IS NULL"),
)

# What offers came to, by product and segment: what propensities are estimated from. Withdrawn offers were not shown.
offer_counts = Table(
    "offer_counts",
    metadata,
    Column("product", String(64), primary_key=True),
    Column("segment", String(200), primary_key=True),
    Column("shown", BigInteger, nullable=False),
    Column("accepted", BigInteger, nullable=False),
    Column("declined", BigInteger, nullable=False),
)

# --- budgets ---------------------------------------------------------------------------------------------------------

# How much of each global limit of a rule is used in a calendar period: reserved + confirmed never exceed `most` as it
# was when something was last reserved. `volume` counts customers (currency empty), `money` minor units of discount.
budgets = Table(
    "budgets",
    metadata,
    Column("rule", String(200), primary_key=True),
    Column("kind", String(6), primary_key=True),  # volume | money
    Column("period", String(5), primary_key=True),  # day | week | month
    Column("currency", String(3), primary_key=True),
    Column("starts_on", Date, primary_key=True),  # of the period, in the ruleset's zone
    Column("most", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False),
    Column("confirmed", BigInteger, nullable=False),
    Column("freed", BigInteger, nullable=False),
)

# What each decision took of each limit, so that exactly this is confirmed or given back. A customer who is met again in
# a period takes no second place: the amount is then 0.
draws = Table(
    "draws",
    metadata,
    Column("decision_id", String(32), ForeignKey("decisions.id"), primary_key=True),
    Column("kind", String(6), primary_key=True),
    Column("period", String(5), primary_key=True),
    Column("currency", String(3), primary_key=True),
    Column("rule", String(200), nullable=False),
    Column("starts_on", Date, nullable=False),
    Column("customer_id", Id, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("state", String(9), nullable=False),  # reserved | confirmed | freed
)
Index(
    "ix_draws_customers",
    draws.c.rule,
    draws.c.period,
    draws.c.starts_on,
    draws.c.customer_id,
    sqlite_where=text("kind = 'volume'"),
    postgresql_where=text("kind = 'volume'"),
)

# --- experiments and consent -----------------------------------------------------------------------------------------

# Who is in which arm of an experiment: the first assignment stays, whatever becomes of the shares.
assignments = Table(
    "assignments",
    metadata,
    Column("experiment", String(220), primary_key=True),
    Column("customer_id", Id, primary_key=True, index=True),
    Column("arm", String(64), nullable=False),
    Column("assigned_at", Instant, nullable=False),
    sqlite_with_rowid=False,
)

# Who was exposed to an arm, at the time of the decision. A ghost was held out where the rule would have won: it counts
# for caps as the contact would have done.
exposures = Table(
    "exposures",
    metadata,
    Column("experiment", String(220), primary_key=True),
    Column("decision_id", String(32), ForeignKey("decisions.id"), primary_key=True),
    Column("customer_id", Id, nullable=False),
    Column("arm", String(64), nullable=False),
    Column("ghost", Boolean, nullable=False),
    Column("exposed_at", Instant, nullable=False),
    sqlite_with_rowid=False,
)
Index(None, exposures.c.customer_id, exposures.c.exposed_at)

# Who is never to be written to. An address is kept as its SHA-256 only: it outlives an erased customer, so that the
# same address is not written to again under another id.
suppressions = Table(
    "suppressions",
    metadata,
    Column("kind", String(8), primary_key=True),  # customer | address
    Column("who", Id, primary_key=True),
    Column("channel", String(64), primary_key=True),  # empty: every channel
    Column("reason", Text, nullable=False),
    Column("at", Instant, nullable=False),
)

# --- people and programs that may come in ----------------------------------------------------------------------------

users = Table(
    "users",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("password_hash", String(255), nullable=False),
    Column("role", String(16), nullable=False),  # editor | viewer
    Column("created_at", Instant, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("digest", String(64), primary_key=True),  # SHA-256 of the token; the token itself is shown once
    Column("name", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
)
