"""Schedulers that find their work in the ledger: frontiers, delays, what was missed, pauses, reruns, leases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _what_changed()
    _what_happened()
    _ledger()
    _schedulers()


def _what_changed() -> None:
    op.create_index(
        "ix_customers_fallback",
        "customers",
        ["timezone"],
        sqlite_where=sa.text("timezone IS NULL OR timezone <> zone"),
        postgresql_where=sa.text("timezone IS NULL OR timezone <> zone"),
    )
    op.create_table(
        "moves",
        sa.Column("number", SERIAL, nullable=False),
        sa.Column("owner", sa.String(12), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("customer_id", sa.String(200), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.Column("before", DOCUMENT),
        sa.Column("lasting", sa.Boolean(), nullable=False),
        sa.Column("met_from", sa.Date()),
        sa.Column("met_until", sa.Date()),
        sa.Column("met_seen", sa.BigInteger()),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_moves")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_moves_passing",
        "moves",
        ["met_until"],
        sqlite_where=sa.text("NOT lasting"),
        postgresql_where=sa.text("NOT lasting"),
    )
    op.create_index(op.f("ix_moves_subject"), "moves", ["subject"])
    op.create_index(
        "ix_moves_pending",
        "moves",
        ["shard"],
        sqlite_where=sa.text("met_until IS NULL"),
        postgresql_where=sa.text("met_until IS NULL"),
    )
    op.create_table(
        "changes",
        sa.Column("number", SERIAL, nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("customer_id", sa.String(200), nullable=False),
        sa.Column("token", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_changes")),
    )
    op.create_index(op.f("ix_changes_shard_number"), "changes", ["shard", "number"])


def _what_happened() -> None:
    op.drop_index(op.f("ix_events_customer_id_moment_occurred_at"), "events")
    by_customer = ["customer_id", "moment", "occurred_at", "subscription_id"]
    if op.get_bind().dialect.name == "sqlite":
        op.create_index("ix_events_with_properties", "events", [*by_customer, "properties"])
    else:
        op.create_index("ix_events_of_customer", "events", by_customer)
    op.drop_index("ix_events_pending", "events")
    op.create_index(
        "ix_events_pending",
        "events",
        ["occurred_at"],
        sqlite_where=sa.text("state IN ('pending', 'live')"),
        postgresql_where=sa.text("state IN ('pending', 'live')"),
    )
    op.create_index(
        "ix_events_live",
        "events",
        ["moment", "occurred_at"],
        sqlite_where=sa.text("state <> 'history'"),
        postgresql_where=sa.text("state <> 'history'"),
    )
    op.create_table(
        "delayed",
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("event_id", sa.String(200), nullable=False),
        sa.Column("offset", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("decided_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("source", "event_id", "offset", name=op.f("pk_delayed")),
    )
    op.create_table(
        "readings",
        sa.Column("subscription_id", sa.String(200), nullable=False),
        sa.Column("meter", sa.String(64), nullable=False),
        sa.Column("read_at", INSTANT, nullable=False),
        sa.Column("used", sa.Float(), nullable=False),
        sa.Column("quota", sa.Float()),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("subscription_id", "meter", "read_at", name=op.f("pk_readings")),
    )


def _ledger() -> None:
    """Made again with their new keys, the rows that are there copied."""
    op.rename_table("batches", "batches_before")
    op.create_table(
        "batches",
        sa.Column("local_date", sa.Date(), nullable=False),
        sa.Column("moment", sa.String(64), nullable=False),
        sa.Column("offset", sa.Integer(), nullable=False),
        sa.Column("zone", sa.String(64), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("rerun", sa.Integer(), nullable=False),
        sa.Column("pass_id", SERIAL, nullable=False),
        sa.Column("moves_seen", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", INSTANT, nullable=False),
    )
    op.execute(
        'INSERT INTO batches (local_date, moment, "offset", zone, shard, rerun, pass_id, moves_seen, finished_at)'
        ' SELECT local_date, moment, "offset", zone, shard, 0, pass_id, 0, finished_at FROM batches_before'
    )
    op.drop_table("batches_before")
    with op.batch_alter_table("batches") as table:
        table.create_primary_key(op.f("pk_batches"), ["local_date", "moment", "offset", "zone", "shard", "rerun"])
    op.rename_table("counters", "counters_before")
    op.create_table(
        "counters",
        sa.Column("rule", sa.String(200), nullable=False),
        sa.Column("moment", sa.String(64), nullable=False),
        sa.Column("offset", sa.Integer(), nullable=False),
        sa.Column("local_date", sa.Date(), nullable=False),
        sa.Column("pass_id", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.Column("not_matched", sa.BigInteger(), nullable=False),
        sa.Column("offered", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("held_out", sa.BigInteger(), nullable=False),
        sa.Column("missed", sa.BigInteger(), nullable=False),
    )
    counts = 'rule, moment, "offset", local_date, {}due, not_matched, offered, held, held_out, missed'
    op.execute(
        f"INSERT INTO counters ({counts.format('pass_id, ')}) SELECT {counts.format('0, ')} FROM counters_before"
    )
    op.drop_table("counters_before")
    with op.batch_alter_table("counters") as table:
        table.create_primary_key(op.f("pk_counters"), ["rule", "moment", "offset", "local_date", "pass_id"])
    with op.batch_alter_table("passes") as table:
        table.add_column(sa.Column("kind", sa.String(8), nullable=False, server_default="day"))
    with op.batch_alter_table("passes") as table:
        table.alter_column("kind", server_default=None)
    op.create_table(
        "frontiers",
        sa.Column("zone", sa.String(64), nullable=False),
        sa.Column("local_date", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("zone", name=op.f("pk_frontiers")),
    )
    op.execute("INSERT INTO frontiers (zone, local_date) SELECT zone, max(local_date) FROM batches GROUP BY zone")
    op.create_table(
        "delay_frontiers",
        sa.Column("moment", sa.String(64), nullable=False),
        sa.Column("offset", sa.Integer(), nullable=False),
        sa.Column("through", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("moment", "offset", name=op.f("pk_delay_frontiers")),
    )
    op.create_table(
        "reruns",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("rule", sa.String(200), nullable=False),
        sa.Column("local_date", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("ordered_at", INSTANT, nullable=False),
        sa.Column("finished_at", INSTANT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reruns")),
    )
    op.create_table(
        "missed",
        sa.Column("rule", sa.String(200), nullable=False),
        sa.Column("moment", sa.String(64), nullable=False),
        sa.Column("offset", sa.Integer(), nullable=False),
        sa.Column("local_date", sa.Date(), nullable=False),
        sa.Column("pass_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("occurrences", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("rule", "moment", "offset", "local_date", "pass_id", name=op.f("pk_missed")),
    )
    op.create_table(
        "pauses",
        sa.Column("rule", sa.String(200), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("rule", name=op.f("pk_pauses")),
    )


def _schedulers() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("holder", sa.String(64), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("until", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "workers",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("place", sa.String(200), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("beat_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
    )
