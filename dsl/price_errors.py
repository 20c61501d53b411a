"""All wording about prices in the catalog: a function a message. Codes are stable, wordings may change."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from dsl.datatypes import Money
from dsl.diagnostics import Diagnostic, Severity
from dsl.source import Source, Span
from dsl.suggestions import hint, listed


def _error(code: str, source: Source, span: Span, message: str, hint: str | None = None) -> Diagnostic:
    return Diagnostic(code, Severity.ERROR, message, source, span, hint)


# --- charges ----------------------------------------------------------------------------------------------------------


def negative(source: Source, span: Span, what: str) -> Diagnostic:
    return _error("negative-price", source, span, f"{what} is below zero", "a price is 0 or more")


def no_price(source: Source, span: Span, what: str) -> Diagnostic:
    return _error("no-price", source, span, f"{what} does not say an amount", "such as month: 10 USD")


def phase_alone(source: Source, span: Span, name: str, interval: str, currency: str) -> Diagnostic:
    told = f"this phase of {name} has a price a {interval} in {currency}, and {name} itself has none"
    hint_ = f"give {name} a price a {interval} in {currency} for the time after the phase"
    return _error("no-price", source, span, told, hint_)


def two_models(source: Source, span: Span, what: str, models: Sequence[str]) -> Diagnostic:
    told = f"{what} says {listed(models)}; a price has one of them"
    return _error("price-model", source, span, told, "keep one of them")


def key_of_model(source: Source, span: Span, key: str, models: Sequence[str]) -> Diagnostic:
    return _error("price-model", source, span, f"{key} goes only with {listed(models, 'or')}")


def model_needs(source: Source, span: Span, what: str, key: str, why: str) -> Diagnostic:
    return _error("price-model", source, span, f"{what} needs the key {key}: {why}")


def price_twice(source: Source, span: Span, what: str, currency: str) -> Diagnostic:
    return _error("price-twice", source, span, f"{what} is given twice in {currency}", "keep one of them")


def two_currencies(source: Source, span: Span, currency: str, other: str) -> Diagnostic:
    told = f"this amount is in {other}, the price around it in {currency}"
    return _error("mixed-currencies", source, span, told, "write one price a currency: [6 USD, 5 EUR]")


def outside_list(source: Source, span: Span, name: str, currency: str, other: str) -> Diagnostic:
    told = f"this price is in {other}, but the price list {name} is in {currency}"
    return _error("mixed-currencies", source, span, told, "one price list for each currency")


def tier_order(source: Source, span: Span, up_to: object, before: object) -> Diagnostic:
    told = f"this tier goes up to {up_to}, the one before it up to {before} already"
    return _error("tier-order", source, span, told, "list tiers from the smallest up_to to the largest")


def tier_after_last(source: Source, span: Span) -> Diagnostic:
    told = "a tier without up_to takes all the rest, so no tier can follow it"
    return _error("tier-order", source, span, told, "only the last tier has no up_to")


def last_tier_ends(source: Source, span: Span, up_to: object) -> Diagnostic:
    told = f"the last tier ends at {up_to}, and nothing says what more than that costs"
    return _error("tier-order", source, span, told, "leave up_to out of the last tier")


def minimum_over_maximum(source: Source, span: Span, minimum: Money, maximum: Money) -> Diagnostic:
    told = f"the minimum {minimum} is more than the maximum {maximum}"
    return _error("minimum-over-maximum", source, span, told, "swap them")


def unknown_quantity(source: Source, span: Span, text: str, known: Collection[str], kind: str) -> Diagnostic:
    told = f"{text} is not {kind}"
    return _error("unknown-quantity", source, span, told, hint(text, known))


# --- products ---------------------------------------------------------------------------------------------------------


def circle(source: Source, span: Span, key: str, ring: Sequence[str]) -> Diagnostic:
    told = f"{ring[0]} {key} itself" if len(ring) == 1 else f"{listed(ring)} go in a circle: each {key} another"
    return _error("product-circle", source, span, told, "leave one of them out")


def excludes_own(source: Source, span: Span, name: str, own: str) -> Diagnostic:
    told = f"{name} needs or includes {own}, so it cannot exclude it"
    return _error("excludes-its-own", source, span, told)


def bundle_parts(source: Source, span: Span, name: str, plans: Sequence[str]) -> Diagnostic:
    if len(plans) > 1:
        told = f"the bundle {name} includes {listed(plans)}; a subscription has one plan"
        return _error("bundle-parts", source, span, told, "one plan at most, and add-ons")
    return _error("bundle-parts", source, span, f"the bundle {name} includes less than two products")


def name_taken(source: Source, span: Span, name: str, kind: str) -> Diagnostic:
    return _error("given-twice", source, span, f"{name} is already the name of {kind}", "choose another name")


def ends_before_start(source: Source, span: Span, name: str) -> Diagnostic:
    told = f"{name} would be sold until a day before its first"
    return _error("dates-swapped", source, span, told, "swap from and until")


def below_cost(source: Source, span: Span, what: str, price: Money, cost: Money, forbidden: bool) -> Diagnostic:
    severity = Severity.ERROR if forbidden else Severity.WARNING
    return Diagnostic("below-cost", severity, f"{what} is {price}, less than its cost of {cost}", source, span)


# --- price lists ------------------------------------------------------------------------------------------------------


def list_without_currency(source: Source, span: Span, name: str) -> Diagnostic:
    told = f"the price list {name} does not say which currency it is in"
    return _error("price-list-currency", source, span, told, "currency: EUR")


def list_for_nobody(source: Source, span: Span, name: str) -> Diagnostic:
    told = f"the price list {name} does not say whom it is for"
    return _error("missing-key", source, span, told, "for: {country: GB}, or for: {segment: students}")


def no_such_attribute(source: Source, span: Span, text: str, known: Collection[str]) -> Diagnostic:
    told = f"{text} is not an attribute of the customer with a list of values"
    return _error("unknown-attribute", source, span, told, hint(text, known))
