"""The paths of offers in the API's description."""

from __future__ import annotations

from web.offer_bodies import BillingList, OfferAnswer, OfferBody, OfferList
from web.openapi_parts import Json, answer, body, ref, refusals

_ANSWER: Json = {"key": "checkout-5521"}
_DECLINED: Json = {"key": "call-8812", "reason": "too dear"}


def offer_paths() -> Json:
    """Every path, with its methods."""
    return {
        "/offers/{offer_id}": {"get": _show()},
        "/offers/{offer_id}/seen": {"post": _change("markSeen", "A customer has seen an offer", _ANSWER)},
        "/offers/{offer_id}/accept": {"post": _change("acceptOffer", "A customer accepts an offer, once", _ANSWER)},
        "/offers/{offer_id}/decline": {"post": _change("declineOffer", "A customer declines an offer", _DECLINED)},
        "/customers/{customer}/offers": {"get": _of_customer()},
        "/billing/changes": {"get": _changes()},
        "/billing/changes/{change}": {"delete": _taken()},
    }


def _show() -> Json:
    return {
        "operationId": "readOffer",
        "summary": "One offer, whatever became of it",
        "parameters": [_in_path("offer_id")],
        "responses": {"200": answer("The offer.", ref(OfferBody)), **refusals(401, 404)},
    }


def _change(name: str, summary: str, example: Json) -> Json:
    return {
        "operationId": name,
        "summary": summary,
        "description": "Idempotent by key: the same key and body is answered the same. An offer that expired, was"
        " answered otherwise, or was made for what the subscription no longer is, is refused with the reason.",
        "parameters": [_in_path("offer_id")],
        "requestBody": body(ref(OfferAnswer), {"answer": example}),
        "responses": {
            "200": answer("The offer after it.", ref(OfferBody)),
            **refusals(400, 401, 404, 409, 413, 415, 422, 503),
        },
    }


def _of_customer() -> Json:
    return {
        "operationId": "readOffers",
        "summary": "The offers that a customer can take now",
        "parameters": [_in_path("customer")],
        "responses": {"200": answer("Those that stand.", ref(OfferList)), **refusals(401)},
    }


def _changes() -> Json:
    return {
        "operationId": "readBillingChanges",
        "summary": "Accepted offers that billing has to carry out",
        "description": "Up to 100, the oldest first, each again and again until it is taken. Carry out each id once.",
        "responses": {"200": answer("What waits.", ref(BillingList)), **refusals(401)},
    }


def _taken() -> Json:
    return {
        "operationId": "takeBillingChange",
        "summary": "Billing has a change, and will not be told again",
        "parameters": [_in_path("change")],
        "responses": {"204": {"description": "It is off the list."}, **refusals(401, 404)},
    }


def _in_path(name: str) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
