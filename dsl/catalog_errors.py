"""All wording about YAML and the catalog: a function a message. Codes are stable, wordings may change."""

from __future__ import annotations

from collections.abc import Collection

from dsl.diagnostics import Diagnostic, Fix, Severity
from dsl.source import Position, Source, Span
from dsl.suggestions import closest, hint, listed


def _error(code: str, source: Source, span: Span, message: str, hint: str | None = None) -> Diagnostic:
    return Diagnostic(code, Severity.ERROR, message, source, span, hint)


def _unknown(
    code: str, source: Source, span: Span, message: str, word: str, known: Collection[str], instead: str | None = None
) -> Diagnostic:
    """An unknown word; where one known word is near, replacing it is the fix. `instead` is the hint without any."""
    near = closest(word, known)
    fix = Fix(span, near) if near and source.slice(span) == word else None
    return Diagnostic(code, Severity.ERROR, message, source, span, hint(word, known) or instead, fix)


# --- YAML -------------------------------------------------------------------------------------------------------------


def unreadable(source: Source, span: Span, character: str) -> Diagnostic:
    if character == "\x00":
        return _error("unreadable-text", source, span, "this file has a NUL character, which no text has")
    if "\ud800" <= character <= "\udfff":
        return _error("unreadable-text", source, span, "this byte is not UTF-8", "save the file as UTF-8")
    return _error("unreadable-text", source, span, f"this file has a control character (U+{ord(character):04X})")


def too_long(source: Source, most: int) -> Diagnostic:
    return _error("too-long", source, Span(0, 1), f"this file is longer than {most:,} characters")


def too_deep(source: Source, span: Span, most: int) -> Diagnostic:
    return _error("too-deep", source, span, f"values are nested more than {most} levels deep")


def too_many_values(source: Source, span: Span, most: int) -> Diagnostic:
    return _error("too-long", source, span, f"this file has more than {most:,} values")


def not_yaml(source: Source, span: Span, problem: str, character: str) -> Diagnostic:
    if character == "\t":
        return _error("tab", source, span, "YAML lines are indented by spaces, not by a tab", "use spaces")
    told = f"this is not YAML: {problem}" if problem else "this is not YAML"
    return _error("not-yaml", source, span, told, 'put a text that has ": ", " #", "{" or "*" in quotes')


def alias(source: Source, span: Span) -> Diagnostic:
    return _error("yaml-alias", source, span, "anchors (&) and aliases (*) are not read here", "write the value out")


def explicit_tag(source: Source, span: Span, tag: str) -> Diagnostic:
    return _error("yaml-tag", source, span, f"YAML tags are not read here ({tag})", "leave the tag out")


def merge_key(source: Source, span: Span) -> Diagnostic:
    return _error("yaml-merge", source, span, "merge keys (<<) are not read here", "write the keys out")


def second_document(source: Source, span: Span) -> Diagnostic:
    return _error("second-document", source, span, "a second document begins here; a file is one", 'remove the "---"')


def key_not_a_word(source: Source, span: Span) -> Diagnostic:
    return _error("key-not-a-word", source, span, "a key is one word", 'put a text that begins with "{" in quotes')


def duplicate_key(source: Source, span: Span, key: str, first: Position) -> Diagnostic:
    told = f"{key} is given twice: first on line {first.line}, column {first.column}"
    return _error("duplicate-key", source, span, told, "keep one of them")


# --- shapes -----------------------------------------------------------------------------------------------------------


def unknown_key(source: Source, span: Span, key: str, what: str, known: Collection[str]) -> Diagnostic:
    return _unknown("unknown-key", source, span, f"{what} has no key {key}", key, known)


def missing_key(source: Source, span: Span, key: str, what: str) -> Diagnostic:
    return _error("missing-key", source, span, f"{what} needs the key {key}")


def not_a_table(source: Source, span: Span, what: str) -> Diagnostic:
    return _error("wrong-shape", source, span, f"{what} is a list of keys with values", "write key: value")


def not_a_text(source: Source, span: Span, what: str) -> Diagnostic:
    return _error("wrong-shape", source, span, f"{what} is one value, not a list")


def empty(source: Source, span: Span, what: str) -> Diagnostic:
    return _error("wrong-value", source, span, f"{what} is empty")


def not_a_flag(source: Source, span: Span, what: str, text: str) -> Diagnostic:
    return _error("wrong-value", source, span, f"{what} is true or false, not {text}", "write true or false")


def not_a_number(source: Source, span: Span, what: str, text: str, example: str) -> Diagnostic:
    return _error("wrong-value", source, span, f"{what} is a number, not {text}", f"such as {example}")


def out_of_range(source: Source, span: Span, what: str, low: object, high: object) -> Diagnostic:
    bound = f"at least {low}" if high is None else f"between {low} and {high}"
    return _error("wrong-value", source, span, f"{what} is {bound}")


def not_one_of(source: Source, span: Span, what: str, text: str, known: Collection[str]) -> Diagnostic:
    told = f"{text} is not {what}" if not known else f"{what} is {listed(known, 'or')}, not {text}"
    return _unknown("wrong-value", source, span, told, text, known)


def not_a_time(source: Source, span: Span, what: str, text: str) -> Diagnostic:
    return _error("wrong-value", source, span, f'{what} is a time of day from "00:00" to "23:59", not {text}')


def wrong_prior(source: Source, span: Span) -> Diagnostic:
    return _error("wrong-value", source, span, "prior lies between 0% and 100%, both excluded", "such as 5%")


def not_days(source: Source, span: Span, what: str, text: str) -> Diagnostic:
    return _error("wrong-value", source, span, f"{what} is a number of days or weeks, not {text}", "such as 7 days")


def not_a_duration(source: Source, span: Span, what: str, text: str, otherwise: str) -> Diagnostic:
    told = f"{what} is a number of hours, days or weeks up to 100 years, or {otherwise}, not {text}"
    return _error("wrong-value", source, span, told, f"such as 3 days, or {otherwise}")


def not_a_date(source: Source, span: Span, what: str, text: str) -> Diagnostic:
    return _error("wrong-value", source, span, f"{what} is a date, not {text}", "such as 2026-03-15")


def not_months(source: Source, span: Span, what: str, text: str) -> Diagnostic:
    told = f"{what} is a number of months or years up to 99, not {text}"
    return _error("wrong-value", source, span, told, "such as 3 months")


def not_money(source: Source, span: Span, what: str, text: str) -> Diagnostic:
    return _error("wrong-value", source, span, f"{what} is an amount of money, not {text}", "such as 10 USD")


def not_a_percentage(source: Source, span: Span, what: str, text: str) -> Diagnostic:
    return _error("wrong-value", source, span, f"{what} is a percentage from 0% to 100%, not {text}", "such as 50%")


def not_a_currency(source: Source, span: Span, text: str, known: Collection[str]) -> Diagnostic:
    told = f"{text} is not a currency of ISO 4217"
    return _unknown("unknown-currency", source, span, told, text, known, "three letters, such as USD")


def not_a_zone(source: Source, span: Span, text: str, known: Collection[str]) -> Diagnostic:
    told = f"{text} is not a time zone"
    return _unknown("unknown-timezone", source, span, told, text, known, "such as Europe/Paris")


def not_a_name(source: Source, span: Span, text: str, proposal: str) -> Diagnostic:
    told = f"{text} cannot be a name: lower-case letters, digits and _ only, a letter first"
    return _error("bad-name", source, span, told, f"such as {proposal}" if proposal else None)


def reserved(source: Source, span: Span, text: str) -> Diagnostic:
    told = f"{text} is a word of the rule language and cannot be a name"
    return _error("reserved-word", source, span, told, f"such as {text}_name")


def given_twice(source: Source, span: Span, text: str, what: str) -> Diagnostic:
    return _error("given-twice", source, span, f"{what} names {text} twice")


# --- the catalog ------------------------------------------------------------------------------------------------------


_UNKNOWN = {
    "channel": "unknown-channel",
    "date": "unknown-date",
    "date of the customer": "unknown-date",
    "date of the subscription": "unknown-date",
    "flag of the customer": "unknown-flag",
    "meter": "unknown-meter",
    "enum, plan or flag": "propensity-attribute",
    "number": "propensity-attribute",
    "add-on": "unknown-addon",
    "plan": "unknown-plan",
    "plan or add-on": "unknown-product",
    "product": "unknown-product",
    "segment": "unknown-segment",
    "status of subscriptions": "unknown-status",
}


def unknown(source: Source, span: Span, what: str, text: str, known: Collection[str]) -> Diagnostic:
    """A name that must be declared elsewhere in the catalog and is not. `what` is one of the kinds above."""
    article = "an" if what[0] in "aeiou" else "a"
    told = f"{text} is not {article} {what}" + ("" if known else f"; the catalog declares no {what}")
    return _unknown(_UNKNOWN[what], source, span, told, text, known)


def only_for(source: Source, span: Span, key: str, whose: str) -> Diagnostic:
    return _error("key-does-not-fit", source, span, f"{key} is only for {whose}")


def no_values(source: Source, span: Span) -> Diagnostic:
    return _error("missing-key", source, span, "an enum needs its values", "values: [one, another]")


def elapsed_property(source: Source, span: Span) -> Diagnostic:
    told = "an elapsed time counts from a date of the customer or the subscription; an event has none"
    return _error("key-does-not-fit", source, span, told)


def built_in(source: Source, span: Span, name: str, whose: str) -> Diagnostic:
    told = f"every {whose} has {name} already: it is built in"
    return _error("built-in-name", source, span, told, "leave it out, or choose another name")


def needs_plan(source: Source, span: Span, what: str) -> Diagnostic:
    return _error("wrong-value", source, span, f"{what} can only be plan")


def moment_kind(source: Source, span: Span, name: str, given: Collection[str]) -> Diagnostic:
    told = f"{name} says {listed(given)}" if given else f"{name} does not say what kind of moment it is"
    return _error("moment-kind", source, span, told, "one of: recurs, date, event, crosses")


def event_is_true(source: Source, span: Span) -> Diagnostic:
    return _error("moment-kind", source, span, "an event moment says event: true")


def needs_billing_interval(source: Source, span: Span) -> Diagnostic:
    told = "recurs: billing_interval needs a subscription attribute billing_interval with the values month and year"
    return _error("needs-billing-interval", source, span, told)


def belongs_to_customer(source: Source, span: Span, name: str) -> Diagnostic:
    told = f"a billing interval is a subscription's, but {name} is a date of the customer"
    return _error("needs-billing-interval", source, span, told, "from: a date of the subscription")


def either_owner(source: Source, span: Span, name: str) -> Diagnostic:
    told = f"both the customer and the subscription have {name}"
    return _error("ambiguous-name", source, span, told, f"customer.{name} or subscription.{name}")


def no_status(source: Source, span: Span) -> Diagnostic:
    told = "while: needs a subscription attribute status that is an enum"
    return _error("unknown-status", source, span, told)


def no_quota(source: Source, span: Span) -> Diagnostic:
    told = "crosses: needs a meter with quota_from: plan"
    return _error("no-quota", source, span, told)


def counter_without_reset(source: Source, span: Span, name: str) -> Diagnostic:
    told = f"{name} is a counter and does not say when it starts again"
    return _error("missing-key", source, span, told, "resets: billing_period")


def name_of_both(source: Source, span: Span, name: str) -> Diagnostic:
    told = f"{name} is already the name of a plan"
    return _error("given-twice", source, span, told, "choose another name for the add-on")
