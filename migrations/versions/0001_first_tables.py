"""The first tables: state and its history, events, decisions, deliveries, users."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "batches",
        sa.Column("local_date", sa.Date(), nullable=False),
        sa.Column("moment", sa.String(64), nullable=False),
        sa.Column("offset", sa.Integer(), nullable=False),
        sa.Column("zone", sa.String(64), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("pass_id", SERIAL, nullable=False),
        sa.Column("finished_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("local_date", "moment", "offset", "zone", "shard", name=op.f("pk_batches")),
    )
    op.create_table(
        "counters",
        sa.Column("rule", sa.String(200), nullable=False),
        sa.Column("moment", sa.String(64), nullable=False),
        sa.Column("offset", sa.Integer(), nullable=False),
        sa.Column("local_date", sa.Date(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.Column("not_matched", sa.BigInteger(), nullable=False),
        sa.Column("offered", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("held_out", sa.BigInteger(), nullable=False),
        sa.Column("missed", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("rule", "moment", "offset", "local_date", name=op.f("pk_counters")),
    )
    op.create_table(
        "customers",
        sa.Column("id", sa.String(200), nullable=False),
        sa.Column("timezone", sa.String(64)),
        sa.Column("zone", sa.String(64), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("tags", DOCUMENT, nullable=False),
        sa.Column("attributes", DOCUMENT, nullable=False),
        sa.Column("valid_from", INSTANT, nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customers")),
    )
    op.create_index(op.f("ix_customers_shard_zone"), "customers", ["shard", "zone"])
    op.create_table(
        "customers_history",
        sa.Column("number", SERIAL, nullable=False),
        sa.Column("id", sa.String(200), nullable=False),
        sa.Column("timezone", sa.String(64)),
        sa.Column("zone", sa.String(64), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("tags", DOCUMENT, nullable=False),
        sa.Column("attributes", DOCUMENT, nullable=False),
        sa.Column("valid_from", INSTANT, nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.Column("valid_to", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_customers_history")),
    )
    op.create_index(op.f("ix_customers_history_id"), "customers_history", ["id"])
    op.create_table(
        "dates",
        sa.Column("owner", sa.String(12), nullable=False),
        sa.Column("attribute", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("month", sa.SmallInteger(), nullable=False),
        sa.Column("day", sa.SmallInteger(), nullable=False),
        sa.Column("weekday", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "attribute", "subject", name=op.f("pk_dates")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_dates_owner_attribute_date"), "dates", ["owner", "attribute", "date"])
    by_day = ["owner", "attribute", "day", "month", "date"]
    op.create_index(op.f("ix_dates_owner_attribute_day_month_date"), "dates", by_day)
    op.create_index(op.f("ix_dates_owner_attribute_weekday_date"), "dates", ["owner", "attribute", "weekday", "date"])
    op.create_table(
        "decisions",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("rule", sa.String(200), nullable=False),
        sa.Column("moment", sa.String(64), nullable=False),
        sa.Column("offset", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("occurrence", sa.String(300), nullable=False),
        sa.Column("customer_id", sa.String(200), nullable=False),
        sa.Column("subscription_id", sa.String(200)),
        sa.Column("result", sa.String(8), nullable=False),
        sa.Column("reason", sa.String(64)),
        sa.Column("detail", sa.String(200)),
        sa.Column("offer", sa.String(64)),
        sa.Column("channels", DOCUMENT, nullable=False),
        sa.Column("slot", sa.SmallInteger()),
        sa.Column("local_date", sa.Date(), nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("decided_at", INSTANT, nullable=False),
        sa.Column("ruleset", sa.String(64), nullable=False),
        sa.Column("pass_id", SERIAL, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
        sa.UniqueConstraint("rule", "subject", "occurrence", name=op.f("uq_decisions_rule_subject_occurrence")),
    )
    op.create_index(op.f("ix_decisions_customer_id_due_at"), "decisions", ["customer_id", "due_at"])
    op.create_index(op.f("ix_decisions_local_date_rule"), "decisions", ["local_date", "rule"])
    op.create_index(
        "uq_decisions_winner",
        "decisions",
        ["subject", "moment", "offset", "occurrence", "slot"],
        unique=True,
        sqlite_where=sa.text("slot IS NOT NULL"),
        postgresql_where=sa.text("slot IS NOT NULL"),
    )
    op.create_table(
        "meta",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_meta")),
    )
    op.create_table(
        "passes",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("finished_at", INSTANT),
        sa.Column("ruleset", sa.String(64), nullable=False),
        sa.Column("summary", DOCUMENT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passes")),
    )
    op.create_table(
        "subscriptions_history",
        sa.Column("number", SERIAL, nullable=False),
        sa.Column("id", sa.String(200), nullable=False),
        sa.Column("customer_id", sa.String(200), nullable=False),
        sa.Column("status", sa.String(64)),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("addons", DOCUMENT, nullable=False),
        sa.Column("attributes", DOCUMENT, nullable=False),
        sa.Column("valid_from", INSTANT, nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.Column("valid_to", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_subscriptions_history")),
    )
    op.create_index(op.f("ix_subscriptions_history_id"), "subscriptions_history", ["id"])
    op.create_table(
        "tokens",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_tokens")),
    )
    op.create_table(
        "users",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("password_hash", sa.String(255), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_users")),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("decision_id", sa.String(32), nullable=False),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("customer_id", sa.String(200), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("reason", sa.String(200)),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("claimed_until", INSTANT),
        sa.Column("finished_at", INSTANT),
        sa.Column("content", DOCUMENT, nullable=False),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"], name=op.f("fk_deliveries_decision_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("decision_id", "channel", name=op.f("uq_deliveries_decision_id_channel")),
    )
    op.create_index(op.f("ix_deliveries_customer_id"), "deliveries", ["customer_id"])
    op.create_index(
        "ix_deliveries_pending",
        "deliveries",
        ["due_at"],
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "events",
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("id", sa.String(200), nullable=False),
        sa.Column("moment", sa.String(64), nullable=False),
        sa.Column("customer_id", sa.String(200), nullable=False),
        sa.Column("subscription_id", sa.String(200)),
        sa.Column("occurred_at", INSTANT, nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.Column("properties", DOCUMENT, nullable=False),
        sa.Column("digest", sa.String(32), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("decided_at", INSTANT),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_events_customer_id")),
        sa.PrimaryKeyConstraint("source", "id", name=op.f("pk_events")),
    )
    op.create_index(
        op.f("ix_events_customer_id_moment_occurred_at"), "events", ["customer_id", "moment", "occurred_at"]
    )
    op.create_index(
        "ix_events_pending",
        "events",
        ["occurred_at"],
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "receipts",
        sa.Column("decision_id", sa.String(32), nullable=False),
        sa.Column("body", DOCUMENT, nullable=False),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"], name=op.f("fk_receipts_decision_id")),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_receipts")),
    )
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.String(200), nullable=False),
        sa.Column("customer_id", sa.String(200), nullable=False),
        sa.Column("status", sa.String(64)),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("addons", DOCUMENT, nullable=False),
        sa.Column("attributes", DOCUMENT, nullable=False),
        sa.Column("valid_from", INSTANT, nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_subscriptions_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriptions")),
    )
    op.create_index(op.f("ix_subscriptions_customer_id"), "subscriptions", ["customer_id"])
