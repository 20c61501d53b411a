"""The catalog from YAML: sections in the order in which they lean on each other.

Attributes first, for meters, moments and policies name them; then meters and plans, then what needs both. Every
reader goes on after a mistake, so one run reports all of them; a catalog with any mistake is not used at all, because
a rule checked against half a catalog would be wrong in silence.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from dsl import catalog_errors as errors
from dsl.catalog import BUILT_IN, AcceptedOffers, AttributeDeclaration, Catalog, Meter, Owner, Policies
from dsl.catalog_contacts import (
    CONTACT_POLICIES,
    read_caps,
    read_consent,
    read_quiet,
    read_slots,
    read_suppression,
    read_window,
)
from dsl.catalog_moments import read_moments
from dsl.catalog_price_lists import (
    OFFER_POLICIES,
    read_offer_policies,
    read_paths,
    read_price_lists,
    tell_below_cost,
)
from dsl.catalog_prices import Countable
from dsl.catalog_products import read_products
from dsl.catalog_propensity import read_propensity
from dsl.catalog_shapes import Reading
from dsl.catalog_types import read_type
from dsl.choices import Purpose
from dsl.datatypes import Kind
from dsl.diagnostics import Diagnostic
from dsl.source import Source
from dsl.yaml_reader import Node, Scalar, read_yaml

SECTIONS = (
    "currency",
    "timezone",
    "country_timezones",
    "default_via",
    "customer",
    "subscription",
    "meters",
    "moments",
    "plans",
    "addons",
    "bundles",
    "price_lists",
    "paths",
    "channels",
    "tasks",
    "policies",
)


def read_catalog(source: Source) -> tuple[Catalog | None, tuple[Diagnostic, ...]]:
    """The catalog, or None where it has an error; every diagnostic at its place."""
    root, problems = read_yaml(source)
    if root is None or problems:
        return None, problems
    reading = Reading(source)
    sections = reading.table(root, "a catalog", SECTIONS, needed=("currency", "timezone"))
    catalog = _catalog(reading, sections)
    found = sorted(reading.diagnostics, key=lambda one: one.span.start)
    return (None if any(one.is_error for one in found) else catalog), tuple(found)


def _catalog(reading: Reading, sections: Mapping[str, Node]) -> Catalog:
    at = sections.get
    currency = reading.currency(at_currency, "currency") if (at_currency := at("currency")) else None
    zone = reading.zone(at_zone, "timezone") if (at_zone := at("timezone")) else None
    channels = reading.items(at("channels"), "channels", reading.name)
    customer = _attributes(reading, at("customer"), Owner.CUSTOMER)
    subscription = _attributes(reading, at("subscription"), Owner.SUBSCRIPTION)
    meters = _meters(reading, at("meters"))
    countable = _countable(customer, subscription, meters)
    products = read_products(reading, sections, currency or "USD", meters, countable)
    lists = read_price_lists(reading, at("price_lists"), products, customer, countable)
    policies = _policies(reading, at("policies"), channels, customer, subscription)
    tell_below_cost(reading, products, lists, policies.offers)
    return Catalog(
        currency=currency or "",
        timezone=zone or "",
        country_timezones=_country_zones(reading, at("country_timezones")),
        default_via=reading.items(
            at("default_via"), "default_via", lambda node, _: reading.known(node, "channel", channels)
        ),
        customer=customer,
        subscription=subscription,
        meters=meters,
        moments=read_moments(reading, at("moments"), customer, subscription, meters),
        plans=products.plans,
        addons=products.addons,
        channels=channels,
        tasks=_tasks(reading, at("tasks"), channels),
        policies=policies,
        bundles=products.bundles,
        price_lists=lists,
        paths=read_paths(reading, at("paths"), products),
    )


def _country_zones(reading: Reading, node: Node | None) -> dict[str, str]:
    found = {}
    for key, value in reading.entries(node, "country_timezones"):
        if (zone := reading.zone(value, key.text)) is not None:
            found[key.text] = zone
    return found


# --- attributes -------------------------------------------------------------------------------------------------------


def _attributes(reading: Reading, node: Node | None, owner: Owner) -> dict[str, AttributeDeclaration]:
    found: dict[str, AttributeDeclaration] = {}
    since: list[tuple[Node, str]] = []
    for key, value in reading.entries(node, owner):
        name = reading.name(key, "an attribute")
        if name is None:
            continue
        if name in BUILT_IN[owner] or (name == "customer" and owner is Owner.SUBSCRIPTION):
            reading.refuse(errors.built_in(reading.source, key.span, name, owner))
            continue
        fields = _attribute_fields(reading, value)
        type_ = read_type(reading, fields, value, name)
        if type_ is None:
            continue
        if type_.since is not None:
            since.append((fields["since"], type_.since))
        personal = reading.flag(fields["personal"], "personal") if "personal" in fields else False
        doc = reading.text(fields["doc"], "doc") if "doc" in fields else ""
        found[name] = AttributeDeclaration(name, owner, type_, bool(personal), doc or "")
    dates = [name for name, declared in found.items() if declared.type.kind is Kind.DATE]
    for place, start in since:
        if start not in dates:
            reading.refuse(errors.unknown(reading.source, place.span, f"date of the {owner}", start, dates))
    return found


def _attribute_fields(reading: Reading, node: Node) -> dict[str, Node]:
    """`{type: text, ...}`; the short form `text` says the type only."""
    if isinstance(node, Scalar):
        return {"type": node}
    return reading.table(node, "an attribute", ("type", "values", "since", "unit", "personal", "doc"), ("type",))


# --- meters -----------------------------------------------------------------------------------------------------------


def _countable(
    customer: Mapping[str, AttributeDeclaration],
    subscription: Mapping[str, AttributeDeclaration],
    meters: Mapping[str, Meter],
) -> Countable:
    """What prices may be per; a subscription's attribute goes before a customer's of the same name."""
    declared = {**customer, **subscription}
    counts = [name for name, one in declared.items() if one.type.kind is Kind.COUNT]
    return Countable((*counts, *meters), [name for name, one in declared.items() if one.type.kind is Kind.MONEY])


def _meters(reading: Reading, node: Node | None) -> dict[str, Meter]:
    found = {}
    for key, value in reading.entries(node, "meters"):
        name = reading.name(key, "a meter")
        fields = reading.table(value, "a meter", ("unit", "kind", "resets", "quota_from"), ("unit", "kind"))
        if name is None or "unit" not in fields or "kind" not in fields:
            continue
        unit = reading.text(fields["unit"], "unit")
        kind = reading.choice(fields["kind"], "kind", ("gauge", "counter"))
        resets = reading.choice(fields["resets"], "resets", ("billing_period",)) if "resets" in fields else None
        quota = reading.choice(fields["quota_from"], "quota_from", ("plan",)) if "quota_from" in fields else None
        if kind == "counter" and "resets" not in fields:
            reading.refuse(errors.counter_without_reset(reading.source, key.span, name))
        if kind == "gauge" and "resets" in fields:
            reading.refuse(errors.only_for(reading.source, fields["resets"].span, "resets", "a counter"))
        found[name] = Meter(name, unit or "", kind or "", resets, quota)
    return found


# --- tasks and policies -----------------------------------------------------------------------------------------------


def _tasks(reading: Reading, node: Node | None, channels: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for key, value in reading.entries(node, "tasks"):
        name = reading.name(key, "a task")
        fields = reading.table(value, "a task", ("channel", "doc"), ("channel",))
        channel = reading.known(fields["channel"], "channel", channels) if "channel" in fields else None
        if name is not None and channel is not None:
            found[name] = channel
    return found


def _policies(
    reading: Reading,
    node: Node | None,
    channels: tuple[str, ...],
    customer: Mapping[str, AttributeDeclaration],
    subscription: Mapping[str, AttributeDeclaration],
) -> Policies:
    kinds = {one.key: one.type.kind for one in (*customer.values(), *subscription.values())}
    known = ("largest_discount", "hold_out", "send_at", "catch_up", "accepted_offers", "propensity", *OFFER_POLICIES)
    fields = reading.table(node, "policies", (*CONTACT_POLICIES, *known))
    flags = tuple(name for name, declared in customer.items() if declared.type.kind is Kind.FLAG)
    consent = read_consent(reading, fields.get("consent"), channels, flags)
    send_at = reading.time(fields["send_at"], "send_at") if "send_at" in fields else None
    hold_out = reading.percent(fields["hold_out"], "hold_out") if "hold_out" in fields else None
    largest = fields.get("largest_discount")
    return Policies(
        consent=consent[Purpose.MARKETING],
        service_consent=consent[Purpose.SERVICE],
        suppression=read_suppression(reading, fields.get("suppression"), channels, flags),
        caps=read_caps(reading, fields.get("caps"), channels),
        quiet=read_quiet(reading, fields.get("quiet"), channels),
        after_decline=read_window(reading, fields.get("after_decline"), "after_decline"),
        after_offer=read_window(reading, fields.get("after_offer"), "after_offer"),
        between_offers=read_window(reading, fields.get("between_offers"), "between_offers"),
        slots=read_slots(reading, fields.get("slots"), channels),
        largest_discount=reading.percent(largest, "largest_discount") if largest else None,
        hold_out=hold_out if hold_out is not None else Policies().hold_out,
        send_at=send_at or Policies().send_at,
        catch_up=_catch_up(reading, fields["catch_up"]) if "catch_up" in fields else Policies().catch_up,
        accepted_offers=_accepted_offers(reading, fields.get("accepted_offers")),
        offers=read_offer_policies(reading, fields),
        propensity=read_propensity(reading, fields.get("propensity"), kinds),
    )


def _accepted_offers(reading: Reading, node: Node | None) -> AcceptedOffers:
    said = None if node is None else reading.choice(node, "accepted_offers", list(AcceptedOffers))
    return Policies().accepted_offers if said is None else AcceptedOffers(said)


def _catch_up(reading: Reading, node: Node) -> dt.timedelta | None:
    never = isinstance(node, Scalar) and node.text == "never"
    return None if never else reading.duration(node, "catch_up", "never")
