"""What a message presents: the rule's own offer, with the price that its customer was promised.

The price in a message comes from the quote of the decided offer, made anew from what the customer has now; usage and
segments are seen from the instant that was decided for. Where that no longer comes to what was promised when it was
decided, the message would promise something else: it is withheld.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from dsl.catalog import Catalog
from dsl.datatypes import Money
from dsl.typed import Action, Offer, Rule, Ruleset
from engine.offers.reading import OfferLine, line
from engine.offers.states import State, obstacle
from engine.pricing.quotes import Quote, quote
from engine.pricing.refusals import Refused
from engine.pricing.situations import situation_of
from engine.privacy import Row
from engine.store.bulk import among
from engine.store.experiments import arm_of_split
from engine.store.tables import decisions, offers


@dataclass(frozen=True, slots=True)
class Presented:
    """One product of an offer, with what it costs its customer or why it has no price."""

    product: str
    quoted: Quote | Refused


@dataclass(frozen=True, slots=True)
class Promise:
    """What was decided: the rule, the arm of its experiment (None: it has none), the instant that it was decided for,
    the offer as it was made (None: none was).
    """

    rule: str
    arm: str | None
    due_at: dt.datetime
    made: OfferLine | None


def promises(connection: sa.Connection, ids: Sequence[str], now: dt.datetime) -> dict[str, Promise]:
    """The promises of some decisions, by their ids."""
    wanted = sa.select(decisions.c.id, decisions.c.rule, decisions.c.due_at, arm_of_split().label("arm"))
    decided = connection.execute(wanted.where(among(connection, decisions.c.id, ids)))
    rows = connection.execute(sa.select(offers).where(among(connection, offers.c.id, ids)))
    made: Mapping[str, OfferLine] = {row.id: line(row._mapping, now) for row in rows}
    return {row.id: Promise(row.rule, row.arm, row.due_at, made.get(row.id)) for row in decided}


def present(catalog: Catalog, actions: Iterable[Action], product: str, row: Row, day: dt.date) -> Presented | None:
    """The product as these actions offer it to the customer of a row on a local day; None where they do not.

    What `price_facts` finds is in the row.
    """
    offer = next((one for one in actions if isinstance(one, Offer) and product in one.products), None)
    if offer is None:
        return None
    return Presented(product, quote(catalog, offer, product, situation_of(catalog, row), day))


def decided_actions(ruleset: Ruleset, promise: Promise) -> tuple[Action, ...]:
    """What the rule of a promise does, in its arm; nothing where the rule is no more."""
    rules = ruleset.rules
    rule = ruleset.rule(promise.rule) or next((each for each in rules if each.was == promise.rule), None)
    return () if rule is None else actions_in(rule, promise.arm)


def actions_in(rule: Rule, arm: str | None) -> tuple[Action, ...]:
    """What a rule does for somebody in an arm; of all arms where it is not known in which."""
    arms = (each for each in rule.split if arm is None or each.name == arm)
    return (*rule.actions, *(action for each in arms for action in each.actions))


def broken(promise: Promise, presented: Presented, now: dt.datetime) -> str | None:
    """Why the message must not go out: the offer is over, or its price is no longer the promised one. None: it may."""
    made = promise.made
    if made is None:
        return None
    over = obstacle(made.state, made.state_at, made.expires_at, State.ACCEPTED, now)
    if over is not None:
        return over
    if made.price is None or made.currency is None:
        return None
    promised, quoted = Money(made.price, made.currency), presented.quoted
    if isinstance(quoted, Refused):
        return f"{promised} was promised, and now there is no price: {quoted.sentence}"
    return None if quoted.price == promised else f"{promised} was promised, and it would be {quoted.price} now"


def gone(product: str, promise: Promise) -> str:
    """Why there is nothing to present."""
    return f"the rule {promise.rule} does not offer {product} any more"
