"""What a message says to one customer: the variables of its template and the text they make."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from dsl.catalog import AttributeDeclaration, Catalog
from dsl.datatypes import DataType, Kind, Money, Value
from dsl.messages import Message, Rendered, render
from dsl.template_words import RenderingFailed
from dsl.typed import Attribute, Elapsed, Ruleset
from engine.deliveries.presenting import Presented
from engine.errors import CarpeError
from engine.matching.terms import read_term
from engine.pricing.words import offer_words
from engine.privacy import MASK, Row

OFFER = Message(
    name="offer",
    subject="{{ offer.name }} for you",
    body="We would like to offer you {{ offer.name }}{% if offer.price %} at {{ offer.price }}{% endif %}.",
)
"""Presents the offer of a rule that says nothing; a ruleset's own message called `offer` takes its place."""


class MessageFailed(CarpeError):
    """A message cannot be written with a customer's values."""


def compose(
    ruleset: Ruleset,
    message: str | None,
    row: Row,
    day: dt.date,
    offer: Presented | None = None,
    *,
    hide: frozenset[str] = frozenset(),
    channel: str | None = None,
) -> Rendered:
    """Render a message for the customer of `row` on a local day, in the variant for the channel and the customer's
    `locale`. `hide` are the keys of `row` to mask. Raises MessageFailed.
    """
    template = ruleset.messages.get(message or "offer", OFFER)
    try:
        values = variables(ruleset.catalog, row, day, offer, hide=hide)
        return render(template, values, channel=channel, locale=_locale(row))
    except RenderingFailed as error:
        raise MessageFailed(f"The message {template.name} cannot be written: {error}") from error


def _locale(row: Row) -> str | None:
    locale = row.get("customer.locale")
    return locale if isinstance(locale, str) else None


def variables(
    catalog: Catalog, row: Row, day: dt.date, offer: Presented | None, *, hide: frozenset[str] = frozenset()
) -> dict[str, object]:
    """Every attribute by its bare name (the subscription's first), `event.*`, and the offer's name and prices."""
    named: dict[str, object] = {}
    for declaration in (*catalog.customer.values(), *catalog.subscription.values()):
        value = _value(declaration, row, day)
        if value is not None:
            named[declaration.name] = MASK if declaration.key in hide else _plain(value)
    named["event"] = {key[6:]: _plain(value) for key, value in row.items() if key.startswith("event.")}
    if offer:
        named["offer"] = offer_words(catalog, offer.product, offer.quoted)
    return named


def _value(declaration: AttributeDeclaration, row: Row, day: dt.date) -> Value | None:
    if declaration.type.kind is not Kind.ELAPSED:
        return row.get(declaration.key)
    since, unit = declaration.type.since, declaration.type.unit
    if since is None or unit is None:
        return None
    return read_term(Elapsed(Attribute(declaration.owner, since, DataType(Kind.DATE)), unit), row, day)


def _plain(value: Value) -> object:
    """What Liquid can print and compare."""
    match value:
        case frozenset():
            return sorted(value)
        case Money():
            return str(value)
        case Decimal():
            return _plain(float(value))  # Liquid's own filters do not know decimals
        case float() if value.is_integer():
            return int(value)
        case _:
            return value
