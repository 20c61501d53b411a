"""What is erased of a person's offers, and which ids in them are replaced."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, delete, select, update

from engine.store.tables import billing_changes, decisions, draws, exposures, offer_changes, offers


def forget_offers(connection: Connection, customer_id: str) -> dict[str, int]:
    """Deletes what waits for billing and empties offers of what was quoted; the rows of each, by table.

    The reason and the key of a change are texts of whoever asked for it: they may name the person.
    """
    theirs = select(offers.c.id).where(offers.c.customer_id == customer_id)
    waiting = delete(billing_changes).where(billing_changes.c.id.in_(theirs))
    said = update(offer_changes).where(offer_changes.c.offer_id.in_(theirs)).values(key=None, digest=None, reason=None)
    emptied = update(offers).where(offers.c.customer_id == customer_id).values(quote={}, basis={})
    statements = {"billing_changes": waiting, "offer_changes": said, "offers": emptied}
    return {name: int(connection.execute(statement).rowcount) for name, statement in statements.items()}


def rename_offers(connection: Connection, customer_id: str, tokens: Mapping[str, str]) -> None:
    """Tokens in the place of the person's id, and of the ids of the subscriptions that offers were for."""
    mine = offers.c.customer_id == customer_id
    for key, anonymous in tokens.items():
        connection.execute(
            update(offers).where(mine, offers.c.subscription_id == key).values(subscription_id=anonymous)
        )
    decided = select(decisions.c.id).where(decisions.c.customer_id == customer_id)
    drawn = update(draws).where(draws.c.decision_id.in_(decided))
    connection.execute(drawn.values(customer_id=tokens[customer_id]))
    for table in (exposures, offers):
        statement = update(table).where(table.c.customer_id == customer_id)
        connection.execute(statement.values(customer_id=tokens[customer_id]))
