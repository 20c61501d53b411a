"""One customer: what is known now, what happened lately, what was offered and decided."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection, select

from dsl.catalog import Catalog, Owner
from engine.offers.reading import list_offers
from engine.privacy import masked, personal_keys, shown
from engine.reports.decisions import decisions
from engine.simulation.near_misses import near_misses
from engine.store import state
from engine.store.documents import decode
from engine.store.tables import customers, events
from web.desk import desk

pages = Blueprint("customers", __name__)

LATEST = 20


@dataclass(frozen=True, slots=True)
class Fact:
    name: str
    value: str
    missing: bool
    doc: str


@dataclass(frozen=True, slots=True)
class Happened:
    """One event; `properties` are shown values by name."""

    moment: str
    occurred_at: dt.datetime
    properties: Mapping[str, str]
    state: str
    source: str


@pages.get("/customers")
def find() -> ResponseReturnValue:
    wanted = request.args.get("id", "").strip()
    with desk().store.read() as connection:
        known = bool(wanted) and _known(connection, wanted)
        some = connection.scalars(select(customers.c.id).order_by(customers.c.id).limit(12)).all()
    if known:
        return redirect(url_for("customers.one", customer_id=wanted))
    return render_template("customers.html", wanted=wanted, some=some), 404 if wanted else 200


@pages.get("/customers/<path:customer_id>")
def one(customer_id: str) -> ResponseReturnValue:
    ruleset = desk().ruleset()
    catalog = ruleset.catalog
    with desk().store.read() as connection:
        found = state.customer_rows(connection, catalog, customer_id)
        if found is None:
            abort(404, "There is no customer with this id.")
        latest = _events(connection, catalog, customer_id)
        offered = list_offers(connection, desk().clock(), customer=customer_id, limit=LATEST)
        decided = decisions(connection, customer=customer_id, limit=LATEST)
    return render_template(
        "customer.html",
        customer_id=customer_id,
        zone=found.zone,
        facts=facts(catalog, Owner.CUSTOMER, found.customer),
        subscriptions=[
            (row.get("subscription.id"), facts(catalog, Owner.SUBSCRIPTION, row)) for row in found.subscriptions
        ],
        events=latest,
        lines=decided,
        offers=offered,
        near=near_misses(desk().store, ruleset, customer_id, desk().today()),
        most=LATEST,
    )


def facts(catalog: Catalog, owner: Owner, row: state.Row) -> list[Fact]:
    """The stored attributes of one owner in the catalog's order, then what is built in; personal ones are masked."""
    personal = personal_keys(catalog)
    declared = catalog.attributes(owner)
    names = [name for name, each in declared.items() if each.type.since is None] + list(_BUILT_IN[owner])
    docs = {name: each.doc for name, each in declared.items()}
    return [_fact(f"{owner}.{name}", name, row, personal, docs.get(name, "")) for name in names]


_BUILT_IN = {Owner.CUSTOMER: ("timezone", "tags"), Owner.SUBSCRIPTION: ("currency", "addons")}


def _fact(key: str, name: str, row: state.Row, personal: Iterable[str], doc: str) -> Fact:
    value = row.get(key)
    return Fact(name, masked(key, value, frozenset(personal)), value is None, doc)


def _known(connection: Connection, customer_id: str) -> bool:
    return connection.scalar(select(customers.c.id).where(customers.c.id == customer_id)) is not None


def _events(connection: Connection, catalog: Catalog, customer_id: str) -> list[Happened]:
    newest = select(events).where(events.c.customer_id == customer_id).order_by(events.c.occurred_at.desc())
    return [_happened(catalog, row) for row in connection.execute(newest.limit(LATEST))]


def _happened(catalog: Catalog, row: sa.Row[Any]) -> Happened:
    """An event with its properties as people read them; what the catalog no longer declares is left out."""
    declared = catalog.moments.get(row.moment)
    types = declared.properties if declared else {}
    values = {name: shown(decode(types[name], value)) for name, value in row.properties.items() if name in types}
    return Happened(row.moment, row.occurred_at, values, row.state, row.source)
