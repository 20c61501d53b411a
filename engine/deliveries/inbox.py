"""What a customer finds in the business's own app, or an agent on the screen: the messages sent to such a channel."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from engine.store.tables import decisions, deliveries


@dataclass(frozen=True, slots=True)
class InboxMessage:
    """A message as the customer reads it, with the decision it comes from. `sent_at` is UTC."""

    id: int
    decision: str
    rule: str
    offer: str | None
    subject: str
    body: str
    sent_at: dt.datetime


def messages(connection: sa.Connection, customer: str, channel: str, limit: int = 50) -> tuple[InboxMessage, ...]:
    """The newest messages of a customer on a channel that keeps their text."""
    query = (
        sa.select(deliveries, decisions.c.rule, decisions.c.offer)
        .join(decisions)
        .where(deliveries.c.customer_id == customer, deliveries.c.channel == channel, deliveries.c.state == "sent")
        .order_by(deliveries.c.finished_at.desc(), deliveries.c.id.desc())
        .limit(limit)
    )
    return tuple(
        InboxMessage(
            row.id, row.decision_id, row.rule, row.offer, row.content["subject"], row.content["body"], row.finished_at
        )
        for row in connection.execute(query)
        if "body" in row.content
    )
