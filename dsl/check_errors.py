"""All wording of the checker: a function a message. Codes are stable, wordings may change.

A finding is a diagnostic that does not know its file yet: whoever checks a declaration adds that.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from dsl import syntax
from dsl.datatypes import DataType, Kind, Money
from dsl.diagnostics import Diagnostic, Fix, Severity
from dsl.printer import number
from dsl.source import Source, Span
from dsl.suggestions import closest, hint, listed

# Of the members of a circle, so many are named.
MOST_NAMED = 6


@dataclass(frozen=True, slots=True)
class Finding:
    code: str
    severity: Severity
    message: str
    span: Span
    hint: str | None = None
    fix: Fix | None = None

    def within(self, source: Source) -> Diagnostic:
        return Diagnostic(self.code, self.severity, self.message, source, self.span, self.hint, self.fix)


class Wrong(Exception):
    """Ends the checking of one declaration with its first error."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


def _error(code: str, span: Span, message: str, hint: str | None = None) -> Finding:
    return Finding(code, Severity.ERROR, message, span, hint)


def _unknown(code: str, span: Span, word: str, message: str, known: Collection[str]) -> Finding:
    """An unknown word; where one known word is near, replacing it is the fix."""
    near = closest(word, known)
    fix = Fix(span, near) if near else None
    return Finding(code, Severity.ERROR, message, span, hint(word, known), fix)


def _a(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeio" else f"a {noun}"


# --- types and values in words ----------------------------------------------------------------------------------------

_KINDS: Mapping[Kind, str] = {
    Kind.TEXT: "text",
    Kind.NUMBER: "a number",
    Kind.COUNT: "a whole number",
    Kind.FLAG: "true or false",
    Kind.ENUM: "a choice",
    Kind.SET: "a set",
    Kind.DATE: "a date",
    Kind.ELAPSED: "an elapsed time",
    Kind.MONEY: "money",
    Kind.PERCENT: "a percentage",
    Kind.PLAN: "the name of a plan",
    Kind.ADDON: "the name of an add-on",
}


def kind_of(type_: DataType) -> str:
    """A type in words: "an elapsed time"."""
    return _KINDS[type_.kind]


def literal(expression: syntax.Expression) -> str:
    """What a value is, in words."""
    match expression:
        case syntax.Text():
            return "text"
        case syntax.Number():
            return "a number"
        case syntax.Percent():
            return "a percentage"
        case syntax.Money():
            return "money"
        case syntax.Date():
            return "a date"
        case syntax.Duration():
            return "a length of time"
    return "this"


# --- names ------------------------------------------------------------------------------------------------------------


def unknown_moment(span: Span, word: str, known: Collection[str]) -> Finding:
    return _unknown("unknown-moment", span, word, f"{word} is not a moment", known)


def unknown_event(span: Span, word: str, known: Collection[str]) -> Finding:
    return _unknown("unknown-event", span, word, f"{word} is not an event", known)


def not_an_event(span: Span, word: str, known: Collection[str]) -> Finding:
    told = f"{word} is a moment of the calendar, not an event"
    return _error("unknown-event", span, told, hint("", known))


def unknown_attribute(span: Span, word: str, known: Collection[str]) -> Finding:
    told = f"{word} is no attribute of the customer or the subscription, and no property of this rule's moment"
    near = closest(word, known)
    return Finding(
        "unknown-attribute",
        Severity.ERROR,
        told,
        span,
        f"did you mean {near}?" if near else None,
        Fix(span, near) if near else None,
    )


def unknown_property(span: Span, word: str, moment: str, known: Collection[str]) -> Finding:
    return _unknown("unknown-property", span, word, f"{moment} has no property {word}", known)


def no_moment_has(span: Span, word: str, known: Collection[str]) -> Finding:
    told = f"no moment of this rule has a property {word}"
    return _unknown("unknown-property", span, f"event.{word}", told, [f"event.{name}" for name in known])


def not_an_attribute(span: Span, word: str, what: str, instead: str) -> Finding:
    return _error("unknown-attribute", span, f"{word} is {what}, not an attribute", instead)


def other_moments_property(span: Span, word: str, moments: Sequence[str], listens: bool) -> Finding:
    told = f"{word} belongs to {listed(moments)}, which "
    told += "this rule does not listen to" if listens else "a segment cannot know: it is about any moment"
    return _error("other-moments-property", span, told, f"on {moments[0]}" if listens else "write it in the rule")


def not_in_every_moment(span: Span, word: str, without: Sequence[str]) -> Finding:
    told = f"{word} is not a property of every moment of this rule: {listed(without)} has none"
    return _error("not-in-every-moment", span, told, f"event.{word}, which is missing at the others")


def property_types_differ(span: Span, word: str, kinds: Sequence[str]) -> Finding:
    told = f"{word} is {listed([_a(kind) for kind in kinds])} at the moments of this rule"
    return _error("property-types-differ", span, told, "write a rule for each moment")


def no_event_here(span: Span) -> Finding:
    return _error("no-event", span, "this rule's moments are of the calendar and have no properties")


def ambiguous(span: Span, word: str, choices: Sequence[str]) -> Finding:
    told = f"{word} may be {listed(choices, 'or')}"
    return _error("ambiguous-name", span, told, f"write {listed(choices, 'or')}")


def unknown_prefix(span: Span, prefix: str, known: Collection[str]) -> Finding:
    told = f"{prefix} is neither customer, subscription, event nor a moment of this rule"
    return _error("unknown-prefix", span, told, hint(prefix, known))


def no_such_attribute_of(span: Span, word: str, owner: str, known: Collection[str]) -> Finding:
    told = f"the {owner} has no attribute {word}"
    return _unknown("unknown-attribute", span, f"{owner}.{word}", told, [f"{owner}.{name}" for name in known])


def other_owners_attribute(span: Span, word: str, owner: str, other: str) -> Finding:
    told = f"{word} is an attribute of the {other}, not of the {owner}"
    fix = Fix(span, f"{other}.{word}")
    return Finding("unknown-attribute", Severity.ERROR, told, span, f"{other}.{word}", fix)


_UNKNOWN = {
    "plan": "unknown-plan",
    "add-on": "unknown-addon",
    "channel": "unknown-channel",
    "meter": "unknown-meter",
    "task": "unknown-task",
}


def unknown_of_kind(span: Span, word: str, kind: str, known: Collection[str]) -> Finding:
    """An unknown name of something that the catalog declares; `kind` is one of those above."""
    told = f"{word} is not {_a(kind)}" + ("" if known else f": the catalog declares no {kind}")
    near = closest(word, known)
    return Finding(
        _UNKNOWN[kind],
        Severity.ERROR,
        told,
        span,
        f"did you mean {near}?" if near else (f"one of: {', '.join(known)}" if known else None),
        Fix(span, near) if near else None,
    )


def unknown_product(span: Span, word: str, known: Collection[str]) -> Finding:
    return _unknown("unknown-product", span, word, f"{word} is neither a plan nor an add-on", known)


def unknown_message(span: Span, word: str, known: Collection[str]) -> Finding:
    found = _unknown("unknown-message", span, word, f"there is no message {word}", known)
    return found if found.hint else replace(found, hint=f'write messages/{word}.txt, or say "the text"')


def foreign_property(span: Span, word: str, variable: str) -> Finding:
    told = f"the message {word} reads {variable}, which this rule's moments do not have: it stays empty"
    return Finding("unknown-variable", Severity.WARNING, told, span)


def broken_message(span: Span, word: str, path: str) -> Finding:
    return _error("broken-message", span, f"the message {word} has an error of its own, told at {path}")


def plan_as_addon(span: Span, word: str) -> Finding:
    return _error("plan-as-addon", span, f"{word} is a plan; only add-ons are held", f"plan = {word}")


def value_after_or(span: Span, word: str, attribute: str, values: Sequence[str]) -> Finding:
    told = f"{word} stands alone after or, but a value needs its attribute"
    return _error("value-after-or", span, told, f"{attribute} in ({', '.join(values)})")


def unknown_segment_or_flag(span: Span, word: str, known: Collection[str], instead: str | None) -> Finding:
    found = _unknown("unknown-name", span, word, f"{word} is neither a segment nor a flag", known)
    return replace(found, hint=instead, fix=None) if instead else found


# --- types ------------------------------------------------------------------------------------------------------------


def not_a_condition(span: Span, word: str, what: str, instead: str) -> Finding:
    return _error("not-a-condition", span, f"{word} is {what}, which is neither true nor false by itself", instead)


def value_as_condition(span: Span) -> Finding:
    return _error("not-a-condition", span, "a value alone is no condition", "compare it with an attribute")


def segment_as_value(span: Span, word: str) -> Finding:
    told = f"{word} is a segment, which is true or false and has no value"
    return _error("segment-as-value", span, told, f"{word} or not {word}")


def two_values(span: Span) -> Finding:
    return _error("no-attribute", span, "both sides are values; nothing here depends on the customer")


def elapsed_with(span: Span, word: str, what: str, instead: str) -> Finding:
    return _error("type-mismatch", span, f"{word} is an elapsed time, which cannot be compared with {what}", instead)


def type_mismatch(span: Span, word: str, kind: str, what: str, instead: str | None = None) -> Finding:
    return _error("type-mismatch", span, f"{word} is {kind}, which cannot be compared with {what}", instead)


def attribute_as_value(span: Span, word: str, kind: str, full: str) -> Finding:
    told = f"{word} is an attribute, and a bare word on this side is only ever {kind}"
    hint_ = f"{full}, if the attribute is meant"
    return Finding("attribute-as-value", Severity.ERROR, told, span, hint_, Fix(span, full))


def not_one_of(span: Span, value: str, word: str, values: Sequence[str]) -> Finding:
    shown = ", ".join(values[:30])
    near = closest(value, values)
    told = f"{value} is not one of {shown}" if values else f"{word} has no value {value}"
    return Finding(
        "not-one-of",
        Severity.ERROR,
        told,
        span,
        f"did you mean {near}?" if near else None,
        Fix(span, near) if near else None,
    )


def needs_quotes(span: Span, word: str, written: str) -> Finding:
    told = f"{word} is text, and text is written in quotes"
    return Finding("needs-quotes", Severity.ERROR, told, span, f'"{written}"', Fix(span, f'"{written}"'))


def not_whole(span: Span, word: str, unit: str) -> Finding:
    return _error("not-whole", span, f"{word} counts whole {unit}")


def negative_elapsed(span: Span, word: str) -> Finding:
    return _error("out-of-range", span, f"{word} is never negative")


def too_long_ago(span: Span) -> Finding:
    return _error("out-of-range", span, "a time is at most 100 years")


def too_large(span: Span) -> Finding:
    return _error("out-of-range", span, "this number is too large")


def hours_of_days(span: Span, word: str) -> Finding:
    return _error("type-mismatch", span, f"{word} counts whole days, not hours", "days, weeks, months or years")


def mixed_units(span: Span) -> Finding:
    told = "these times are in units that do not compare: days and weeks count days, months and years count months"
    return _error("mixed-units", span, told, "use one unit")


def mixed_currencies(span: Span) -> Finding:
    return _error("mixed-currencies", span, "these amounts are in different currencies", "use one currency")


def unknown_currency(span: Span, word: str, known: Collection[str]) -> Finding:
    return _unknown("unknown-currency", span, word, f"{word} is not a currency of ISO 4217", known)


def no_order(span: Span, word: str, kind: str, comparator: str, instead: str) -> Finding:
    return _error("no-order", span, f"{word} is {kind}, which has no order, so {comparator} says nothing", instead)


def operator_not_for(span: Span, word: str, kind: str, operator: str, instead: str | None) -> Finding:
    return _error("operator-not-for-type", span, f"{operator} does not apply to {word}, which is {kind}", instead)


def flag_value(span: Span, word: str) -> Finding:
    return _error("type-mismatch", span, f"{word} is true or false", f"{word}, or not {word}")


def flags_compared(span: Span, first: str, second: str) -> Finding:
    told = "two flags are joined by and, or, not; they are not compared"
    return _error("operator-not-for-type", span, told, f"{first} and {second}, or not {first} and not {second}")


def not_a_percentage(span: Span, word: str, value: str) -> Finding:
    told = f"{word} is a percentage, which cannot be compared with a bare number"
    return Finding("type-mismatch", Severity.ERROR, told, span, f"{value}%", Fix(span, f"{value}%"))


def ends_swapped(span: Span, low: str, high: str) -> Finding:
    told = f"between {low} and {high} holds of nothing: the smaller comes first"
    return _error("ends-swapped", span, told, f"between {high} and {low}")


def chained(span: Span, instead: str) -> Finding:
    return _error("chained-comparison", span, "a comparison has two sides", instead)


def within_is_days(span: Span) -> Finding:
    return _error("type-mismatch", span, "within counts whole days", "such as within 7 days")


def other_currency(span: Span, priced: Sequence[str], currency: str) -> Finding:
    told = f"every plan is priced in {listed(priced)}; this matches only subscriptions billed in {currency}"
    return Finding("other-currency", Severity.WARNING, told, span)


def missing_never_matches(span: Span, word: str, whose: str) -> Finding:
    told = f'{whose} with no known {word} never match; add "or {word} is missing" to include them'
    return Finding("missing-never-matches", Severity.INFO, told, span)


def past_within(span: Span, word: str, time: str) -> Finding:
    told = f"{word} lies in the past, and within looks ahead"
    return _error("type-mismatch", span, told, f"{word} within last {time}")


def no_time(span: Span, instead: str) -> Finding:
    return _error("out-of-range", span, "this is no time at all", instead)


def value_needed(span: Span) -> Finding:
    return _error("type-mismatch", span, "a value is needed here, not another attribute")


def same_sides(span: Span, word: str) -> Finding:
    return _error("no-attribute", span, f"both sides are {word}; nothing is compared")


def never_happened(span: Span, word: str, never: str) -> Finding:
    told = f'{word} is missing where there was none, and never matches; add "or {never}" to include them'
    return Finding("missing-never-matches", Severity.INFO, told, span)


# --- events and meters ------------------------------------------------------------------------------------------------


def not_summed(span: Span, word: str, kind: str, known: Collection[str], event: str) -> Finding:
    told = f"{word} is {kind}, which does not add up"
    instead = f"one of: {', '.join(known)}" if known else f"count of {event}"
    return _error("not-summed", span, told, instead)


def no_quota(span: Span, meter: str) -> Finding:
    told = f"the meter {meter} has no quota: the catalog gives it no quota_from"
    return _error("no-quota", span, told, f"usage of {meter}")


def only_properties(span: Span, word: str, event: str) -> Finding:
    told = f"where (...) asks the properties of {event} only, and {word} is not one of them"
    return _error("outside-the-event", span, told, "write it outside these parentheses, after and")


# --- arithmetic -------------------------------------------------------------------------------------------------------


def other_unit(span: Span, word: str, unit: str, other: str, other_unit_: str) -> Finding:
    told = f"{word} is counted in {unit}, and {other} in {other_unit_}"
    return Finding("mixed-units", Severity.WARNING, told, span, "compare each with its own quota")


def not_computed(span: Span, what: str, instead: str | None) -> Finding:
    return _error("not-computed", span, f"{what}, and only numbers and money can be calculated with", instead)


def not_calculated(span: Span, left: str, operator: str, right: str, instead: str | None) -> Finding:
    said = {"+": "added to", "-": "subtracted from", "*": "multiplied by", "/": "divided by"}[operator]
    first, second = (right, left) if operator in "+-" else (left, right)
    return _error("not-computed", span, f"{first} cannot be {said} {second}", instead)


def division_by_zero(span: Span) -> Finding:
    return _error("division-by-zero", span, "nothing can be divided by zero")


# --- moments ----------------------------------------------------------------------------------------------------------


def offset_unit(span: Span, days: str) -> Finding:
    return _error("offset-unit", span, "before and after a date count whole days", days)


def delay_unit(span: Span, days: str) -> Finding:
    return _error("offset-unit", span, "after an event hours, days or weeks are counted", days)


def offset_too_long(span: Span, most: int) -> Finding:
    return _error("out-of-range", span, f"at most {most} days before or after")


def before_an_event(span: Span, word: str) -> Finding:
    told = f"{word} is an event: nobody knows it before it happens"
    return _error("before-an-event", span, told, f"on {word}")


def moment_twice(span: Span, word: str) -> Finding:
    return _error("given-twice", span, f"this rule listens to {word} twice")


# --- actions and clauses ----------------------------------------------------------------------------------------------


def two_offers(span: Span) -> Finding:
    told = "a rule makes one offer"
    return _error("two-offers", span, told, "offer best of a, b lets Carpe choose; else write two rules")


def product_twice(span: Span, word: str) -> Finding:
    return _error("given-twice", span, f"{word} is offered twice")


def empty_text(span: Span) -> Finding:
    return _error("empty-text", span, "there is nothing between the quotes")


def too_large_discount(span: Span) -> Finding:
    return _error("discount-range", span, "a discount is at most 100%")


def over_policy(span: Span, largest: Decimal) -> Finding:
    told = f"the catalog's largest discount is {largest.normalize():f}%"
    return Finding("over-largest-discount", Severity.WARNING, told, span)


def below_cost(span: Span, product: str, interval: str, price: Money, cost: Money, *, forbidden: bool) -> Finding:
    told = f"{product} would be {price} a {interval}, less than its cost of {cost}"
    return Finding("below-cost", Severity.ERROR if forbidden else Severity.WARNING, told, span)


def no_discount(span: Span) -> Finding:
    return _error("discount-range", span, "a discount of 0% changes nothing", "leave it out")


def no_money(span: Span) -> Finding:
    return _error("out-of-range", span, "an amount is more than nothing")


def no_price(span: Span) -> Finding:
    told = "a price is more than nothing; a time without a price is a free period"
    return _error("out-of-range", span, told, "with 1 month free")


def too_fine(span: Span, currency: str, places: int) -> Finding:
    kept = {0: "no decimals", 1: "one decimal"}.get(places, f"{places} decimals")
    return _error("too-many-decimals", span, f"an amount in {currency} has {kept}")


def term_in_months(span: Span) -> Finding:
    told = "a price or a free period lasts for whole invoices, so it is counted in months"
    return _error("term-in-months", span, told, "such as 1 month")


def price_currency(span: Span, products: Sequence[str], priced: Sequence[str], currency: str) -> Finding:
    told = f"{listed(products, 'or')} is priced in {listed(priced)}; nobody billed in that can have this in {currency}"
    return Finding("other-currency", Severity.WARNING, told, span)


def plan_as_extra(span: Span, word: str) -> Finding:
    told = f"{word} is a plan; only add-ons are given with an offer"
    return _error("plan-as-addon", span, told, f"offer {word}")


def addon_needs(span: Span, word: str, needs: Sequence[str], unfit: Sequence[str]) -> Finding:
    told = f"{word} needs {listed(needs, 'or')}, so it does not go with {listed(unfit, 'or')}"
    return _error("unsupported-addon", span, told)


def share_range(span: Span) -> Finding:
    return _error("share-range", span, "a share is at most 100%")


def no_share(span: Span) -> Finding:
    return _error("share-range", span, "an arm with a share of 0% reaches nobody", "leave the arm out")


def shares(span: Span, total: Decimal) -> Finding:
    return _error("shares", span, f"the shares add up to {number(total)}%", "at most 100%")


def arm_twice(span: Span, word: str) -> Finding:
    return _error("given-twice", span, f"two arms are called {word}", "choose another name")


def calendar_period(span: Span) -> Finding:
    return _error("calendar-period", span, "customers and budgets are counted per day, week or month", "per week")


def customers_range(span: Span, most: int) -> Finding:
    return _error("out-of-range", span, f"a limit is between 1 and {most:,} customers")


def without_offer(span: Span, word: str) -> Finding:
    told = f'"{word}" is about an offer, and this rule makes none'
    return Finding("without-offer", Severity.WARNING, told, span, "leave it out, or offer something")


def channel_twice(span: Span, word: str) -> Finding:
    return _error("given-twice", span, f"{word} is listed twice")


def no_channel(span: Span, channels: Sequence[str]) -> Finding:
    told = "nothing says through which channel: the rule has no via and the catalog no default_via"
    return _error("no-channel", span, told, f"via {channels[0]}" if channels else "declare channels in the catalog")


def offer_as_service(span: Span) -> Finding:
    return _error("offer-as-service", span, "an offer is always marketing", "as marketing, or take the offer out")


def ends_before_it_starts(span: Span) -> Finding:
    return _error("dates-swapped", span, "the rule ends before it starts")


def never_due(span: Span) -> Finding:
    return _error("never-due", span, "this date lies outside the rule's from and until, so it never fires")


def priority_range(span: Span, most: int) -> Finding:
    return _error("out-of-range", span, f"a priority is between -{most:,} and {most:,}")


def no_cap(span: Span, word: str) -> Finding:
    told = f"this rule meets every {word} with an offer and no cap"
    return Finding("no-cap", Severity.WARNING, told, span, "at most once per 30 days")


# --- declarations -----------------------------------------------------------------------------------------------------


def never_true(span: Span, clauses: Sequence[str]) -> Finding:
    return _error("never-true", span, f"this can never be true ({' and '.join(clauses)})")


def name_taken(span: Span, kind: str, word: str, where: str) -> Finding:
    told = f"the name {word} is taken by the {kind} at {where}"
    return _error("name-taken", span, told, "choose another name")


def made_name_taken(span: Span, word: str, where: str) -> Finding:
    told = f"this rule's name, made from its moment and action, is {word}, which is taken by the rule at {where}"
    return _error("name-taken", span, told, 'begin it with "rule" and a name')


def name_of_attribute(span: Span, word: str, owner: str) -> Finding:
    told = f"the {owner} has an attribute {word}, so a segment cannot be called {word}"
    return _error("name-taken", span, told, "choose another name")


def was_itself(span: Span, word: str) -> Finding:
    return _error("was-itself", span, f"{word} is the rule's name now", "leave was out")


def was_in_use(span: Span, word: str, where: str) -> Finding:
    told = f"{word} is still the name of the rule at {where}"
    return _error("was-in-use", span, told, "a rename leaves the old name free")


def circle(span: Span, names: Sequence[str]) -> Finding:
    """`names` are sorted."""
    if len(names) == 1:
        return _error("segment-circle", span, f"the segment {names[0]} refers to itself")
    shown = names if len(names) <= MOST_NAMED else [*names[:MOST_NAMED], f"{len(names) - MOST_NAMED} more"]
    return _error("segment-circle", span, f"segments {listed(shown)} refer to each other")


def broken_segment(span: Span, word: str, where: str) -> Finding:
    return _error("broken-segment", span, f"the segment {word} has an error of its own, told at {where}")


def too_deep(span: Span, most: int) -> Finding:
    return _error("too-deep", span, f"conditions are nested more than {most} levels deep, segments included")


def no_catalog(span: Span) -> Finding:
    told = "this folder has no catalog.yaml, which declares the words that rules may use"
    return _error("no-catalog", span, told)


def message_twice(span: Span, word: str, path: str) -> Finding:
    return _error("name-taken", span, f"the message {word} is already written in {path}")
