"""What a customer does with an offer: sees, accepts or declines it, once.

1. The budgets and offers that are concerned are locked, in one order everywhere.
2. A request that was carried out before is answered as it was then: its key says so, and the body must be the same.
3. The offer is changed by one conditional update: of two workers with the same offer one changes it, and the other is
   told what became of it.
4. What was reserved is confirmed or given back, the answer is counted, messages that wait are withheld.
5. An accepted offer is carried out (`accepting`). Where it cannot be, nothing of all this has happened.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass, replace

import sqlalchemy as sa

from dsl.catalog import Catalog
from engine.budgets.settling import Settled, settle
from engine.errors import CarpeError
from engine.offers.accepting import carry_out
from engine.offers.ending import end_offers, hold, stop_deliveries
from engine.offers.making import count
from engine.offers.reading import OfferLine, offer, rivals
from engine.offers.refusals import OfferRefused
from engine.offers.states import State, obstacle, sources
from engine.store.documents import dump
from engine.store.session import Store
from engine.store.tables import offer_changes, offers

_SETTLED = {State.ACCEPTED: Settled.TAKEN, State.DECLINED: Settled.GIVEN_UP}


class OfferUnknown(CarpeError):
    """There is no such offer."""

    def __init__(self, offer_id: str) -> None:
        super().__init__(f"There is no offer {offer_id}.")


class KeyUsed(CarpeError):
    """The key was used before, for another request about this offer."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of an offer. `key` names the request for ever, `by` is the program or person that asks."""

    to: State  # seen | accepted | declined
    key: str
    by: str
    reason: str | None = None

    @property
    def digest(self) -> str:
        return hashlib.blake2b(dump([self.to, self.reason]).encode(), digest_size=16).hexdigest()


def change_offer(store: Store, catalog: Catalog, offer_id: str, request: Request, now: dt.datetime) -> OfferLine:
    """The offer after the change. Raises OfferUnknown, KeyUsed, or OfferRefused where it is late or has changed."""
    with store.write() as connection:
        asked = _known(connection, offer_id, now)
        others = rivals(connection, catalog, asked) if request.to is State.ACCEPTED else ()
        hold(connection, (offer_id, *others))
        if (found := _before(connection, offer_id, request, now)) is not None:
            return found
        _change(connection, _known(connection, offer_id, now), request, now)
        if request.to is State.ACCEPTED:
            end_offers(connection, others, State.SUPERSEDED, now, reason=f"offer {offer_id} was accepted")
            carry_out(connection, catalog, asked, now)
        return _known(connection, offer_id, now)


def _before(connection: sa.Connection, offer_id: str, request: Request, now: dt.datetime) -> OfferLine | None:
    """What the same request was answered before; None for a new one."""
    mine = offer_changes.c.offer_id == offer_id, offer_changes.c.key == request.key
    row = connection.execute(sa.select(offer_changes).where(*mine)).one_or_none()
    if row is None:
        return None
    if row.digest != request.digest:
        raise KeyUsed()
    return replace(_known(connection, offer_id, now), state=State(row.state), state_at=row.at)


def _known(connection: sa.Connection, offer_id: str, now: dt.datetime) -> OfferLine:
    if (found := offer(connection, offer_id, now)) is None:
        raise OfferUnknown(offer_id)
    return found


def _change(connection: sa.Connection, known: OfferLine, request: Request, now: dt.datetime) -> None:
    """Changes the offer and notes it, with what hangs on it. Raises OfferRefused."""
    if known.state is request.to is State.SEEN:
        return  # who looks twice has seen it
    if not _update(connection, known.id, request.to, now):
        reason = obstacle(known.state, known.state_at, known.expires_at, request.to, now)
        raise OfferRefused(reason or "The offer cannot be changed any more.", known)
    values = {"offer_id": known.id, "state": request.to, "at": now}
    asked = {"key": request.key, "digest": request.digest, "by": request.by, "reason": request.reason}
    connection.execute(sa.insert(offer_changes).values(**values, **asked))
    if request.to in _SETTLED:
        settle(connection, [known.id], _SETTLED[request.to])
        count(connection, {(known.product, known.segment, str(request.to)): 1})
        stop_deliveries(connection, [known.id], request.to, now)


def _update(connection: sa.Connection, offer_id: str, to: State, now: dt.datetime) -> bool:
    """Whether this transaction is the one that changes the offer."""
    stands = sa.or_(offers.c.expires_at.is_(None), offers.c.expires_at > now)
    mine = offers.c.id == offer_id, offers.c.state.in_(sources(to)), stands
    return connection.execute(sa.update(offers).where(*mine).values(state=to, state_at=now)).rowcount == 1
