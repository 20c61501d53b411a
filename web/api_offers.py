"""Offers over HTTP: read, seen, accepted or declined once; and what waits for the billing system."""

from __future__ import annotations

from flask import Blueprint, g, jsonify, request
from flask.typing import ResponseReturnValue

from engine.offers import billing
from engine.offers.changing import KeyUsed, OfferUnknown, Request, change_offer
from engine.offers.reading import list_offers, offer
from engine.offers.refusals import OfferRefused
from engine.offers.states import LIVE, State
from web import problems
from web.api_bodies import Problem
from web.api_requests import read, refuse
from web.desk import desk
from web.offer_bodies import BillingBody, BillingList, OfferAnswer, OfferBody, OfferList

pages = Blueprint("offers", __name__)

MOST_LISTED = 100


@pages.get("/offers/<offer_id>")
def show(offer_id: str) -> ResponseReturnValue:
    """One offer, whatever became of it."""
    with desk().store.read() as connection:
        found = offer(connection, offer_id, desk().clock())
    return _unknown(OfferUnknown(offer_id)) if found is None else jsonify(OfferBody.of(found).model_dump(mode="json"))


@pages.post("/offers/<offer_id>/seen")
def seen(offer_id: str) -> ResponseReturnValue:
    return _change(offer_id, State.SEEN)


@pages.post("/offers/<offer_id>/accept")
def accept(offer_id: str) -> ResponseReturnValue:
    return _change(offer_id, State.ACCEPTED)


@pages.post("/offers/<offer_id>/decline")
def decline(offer_id: str) -> ResponseReturnValue:
    return _change(offer_id, State.DECLINED)


@pages.get("/customers/<path:customer>/offers")
def of_customer(customer: str) -> ResponseReturnValue:
    """The offers that a customer can take now."""
    with desk().store.read() as connection:
        found = list_offers(connection, desk().clock(), customer=customer, states=LIVE, limit=MOST_LISTED)
    return jsonify(OfferList(offers=[OfferBody.of(each) for each in found]).model_dump(mode="json"))


@pages.get("/billing/changes")
def changes() -> ResponseReturnValue:
    """What the billing system has to carry out: the same until it says that it has it."""
    with desk().store.read() as connection:
        found = billing.waiting(connection, MOST_LISTED)
    return jsonify(BillingList(changes=[BillingBody.of(each) for each in found]).model_dump(mode="json"))


@pages.delete("/billing/changes/<change>")
def taken(change: str) -> ResponseReturnValue:
    """The billing system has it."""
    with desk().store.write() as connection:
        known = billing.taken(connection, change, desk().clock())
    return ("", 204) if known else problems.problem(404, "unknown_change", f"There is no change {change}.")


def _change(offer_id: str, to: State) -> ResponseReturnValue:
    answer = read(OfferAnswer, request.get_data(cache=False))
    if isinstance(answer, Problem):
        return refuse(answer)
    asked = Request(to, answer.key, g.program, answer.reason)
    try:
        found = change_offer(desk().store, desk().rulebook.good().catalog, offer_id, asked, desk().clock())
    except OfferUnknown as unknown:
        return _unknown(unknown)
    except KeyUsed as used:
        return problems.problem(409, "conflict", str(used), "key")
    except OfferRefused as refused:
        word = "changed" if refused.offer.is_live else refused.offer.state
        return problems.problem(409, f"offer_{word}", str(refused))
    return jsonify(OfferBody.of(found).model_dump(mode="json"))


def _unknown(unknown: OfferUnknown) -> ResponseReturnValue:
    return problems.problem(404, "unknown_offer", str(unknown))
