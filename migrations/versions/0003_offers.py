"""The life of an offer, budgets, experiments and suppressions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _offers()
    _budgets()
    _experiments()
    _suppressions()


def _offers() -> None:
    op.create_table(
        "offers",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("rule", sa.String(200), nullable=False),
        sa.Column("product", sa.String(64), nullable=False),
        sa.Column("customer_id", sa.String(200), nullable=False),
        sa.Column("subscription_id", sa.String(200)),
        sa.Column("segment", sa.String(200), nullable=False),
        sa.Column("price", sa.BigInteger()),
        sa.Column("currency", sa.String(3)),
        sa.Column("discount", sa.BigInteger(), nullable=False),
        sa.Column("quote", DOCUMENT, nullable=False),
        sa.Column("basis", DOCUMENT, nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("state_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offers")),
        sa.ForeignKeyConstraint(["id"], ["decisions.id"], name=op.f("fk_offers_id")),
    )
    op.create_index(op.f("ix_offers_customer_id_product"), "offers", ["customer_id", "product"])
    op.create_index(
        "ix_offers_expiring",
        "offers",
        ["expires_at"],
        sqlite_where=sa.text("state IN ('offered', 'seen')"),
        postgresql_where=sa.text("state IN ('offered', 'seen')"),
    )
    op.create_table(
        "offer_changes",
        sa.Column("number", SERIAL, nullable=False),
        sa.Column("offer_id", sa.String(32), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("key", sa.String(200)),
        sa.Column("digest", sa.String(32)),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(200)),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_offer_changes")),
        sa.ForeignKeyConstraint(["offer_id"], ["offers.id"], name=op.f("fk_offer_changes_offer_id")),
        sa.UniqueConstraint("offer_id", "key", name=op.f("uq_offer_changes_offer_id_key")),
    )
    op.create_table(
        "billing_changes",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("body", DOCUMENT, nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("taken_at", INSTANT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_changes")),
        sa.ForeignKeyConstraint(["id"], ["offers.id"], name=op.f("fk_billing_changes_id")),
    )
    op.create_index(
        "ix_billing_changes_waiting",
        "billing_changes",
        ["made_at"],
        sqlite_where=sa.text("taken_at IS NULL"),
        postgresql_where=sa.text("taken_at IS NULL"),
    )
    op.create_table(
        "offer_counts",
        sa.Column("product", sa.String(64), nullable=False),
        sa.Column("segment", sa.String(200), nullable=False),
        sa.Column("shown", sa.BigInteger(), nullable=False),
        sa.Column("accepted", sa.BigInteger(), nullable=False),
        sa.Column("declined", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("product", "segment", name=op.f("pk_offer_counts")),
    )


def _budgets() -> None:
    op.create_table(
        "budgets",
        sa.Column("rule", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(6), nullable=False),
        sa.Column("period", sa.String(5), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("most", sa.BigInteger(), nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.Column("confirmed", sa.BigInteger(), nullable=False),
        sa.Column("freed", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("rule", "kind", "period", "currency", "starts_on", name=op.f("pk_budgets")),
    )
    op.create_table(
        "draws",
        sa.Column("decision_id", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(6), nullable=False),
        sa.Column("period", sa.String(5), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("rule", sa.String(200), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("customer_id", sa.String(200), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(9), nullable=False),
        sa.PrimaryKeyConstraint("decision_id", "kind", "period", "currency", name=op.f("pk_draws")),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"], name=op.f("fk_draws_decision_id")),
    )
    op.create_index(
        "ix_draws_customers",
        "draws",
        ["rule", "period", "starts_on", "customer_id"],
        sqlite_where=sa.text("kind = 'volume'"),
        postgresql_where=sa.text("kind = 'volume'"),
    )


def _experiments() -> None:
    op.create_table(
        "assignments",
        sa.Column("experiment", sa.String(220), nullable=False),
        sa.Column("customer_id", sa.String(200), nullable=False),
        sa.Column("arm", sa.String(64), nullable=False),
        sa.Column("assigned_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("experiment", "customer_id", name=op.f("pk_assignments")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_assignments_customer_id"), "assignments", ["customer_id"])
    op.create_table(
        "exposures",
        sa.Column("experiment", sa.String(220), nullable=False),
        sa.Column("decision_id", sa.String(32), nullable=False),
        sa.Column("customer_id", sa.String(200), nullable=False),
        sa.Column("arm", sa.String(64), nullable=False),
        sa.Column("ghost", sa.Boolean(), nullable=False),
        sa.Column("exposed_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("experiment", "decision_id", name=op.f("pk_exposures")),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"], name=op.f("fk_exposures_decision_id")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_exposures_customer_id_exposed_at"), "exposures", ["customer_id", "exposed_at"])


def _suppressions() -> None:
    op.create_table(
        "suppressions",
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("who", sa.String(200), nullable=False),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("kind", "who", "channel", name=op.f("pk_suppressions")),
    )
