"""All wording of the analysis: a function a message. Codes are stable, wordings may change."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from dsl.catalog import Owner
from dsl.check_errors import Finding
from dsl.datatypes import Value
from dsl.diagnostics import Severity
from dsl.lint.examples import Example
from dsl.source import Span
from dsl.suggestions import listed
from dsl.typed import Attribute


def _warning(code: str, span: Span, message: str, hint: str | None = None) -> Finding:
    return Finding(code, Severity.WARNING, message, span, hint)


def _info(code: str, span: Span, message: str, hint: str | None = None) -> Finding:
    return Finding(code, Severity.INFO, message, span, hint)


# --- examples ---------------------------------------------------------------------------------------------------------


def _shown(example: Example | None) -> str:
    """`, for example one with plan = basic and country = US`."""
    if example is None:
        return ""
    facts = [f"{key.partition('.')[2]} = {_value(value)}" for key, value in sorted(example.row.items())]
    facts += [f"{count} {_counted(term)}" for term, count in example.counts.items()]
    return f", for example one with {listed(facts)}" if facts else ""


def _value(value: Value) -> str:
    if isinstance(value, frozenset):
        return f"({', '.join(sorted(value))})"
    return "true" if value is True else "false" if value is False else str(value)


def _counted(term: object) -> str:
    events = getattr(term, "events", None)
    return str(events.moment) if events is not None else f"{getattr(term, 'verb', '')} before"


# --- conditions -------------------------------------------------------------------------------------------------------


def always_true(span: Span, what: str) -> Finding:
    told = f"this is always true, so it says nothing: the {what} is about everybody"
    return _warning("always-true", span, told, "leave it out")


def redundant_clause(span: Span) -> Finding:
    told = "this clause is implied by the others, so it changes nothing"
    return _info("redundant-clause", span, told, "leave it out")


def missing_never_matches(span: Span, word: str, whose: str, count: int) -> Finding:
    told = f'{count:,} {whose} have no known {word} and never match; add "or {word} is missing" to include them'
    return _info("missing-never-matches", span, told)


# --- rules among each other -------------------------------------------------------------------------------------------


def shadowed(span: Span, winners: Sequence[str], example: Example | None) -> Finding:
    told = f"this rule never wins: wherever it matches, {listed(winners, 'or')} comes first by its priority"
    return _warning("shadowed", span, f"{told}{_shown(example)}", "narrow the other, or raise this rule's priority")


def no_priority_between(span: Span, other: str, more: bool, moment: str, example: Example | None) -> Finding:
    others = " and other rules" if more else ""
    told = f"this rule can meet {other}{others} on one {moment} without a priority between them"
    return _info("no-priority-between", span, f"{told}{_shown(example)}", "give the more important one a priority")


# --- offers -----------------------------------------------------------------------------------------------------------


def already_has(span: Span, product: str, example: Example | None) -> Finding:
    told = f"everybody whom this rule meets has {product} already{_shown(example)}"
    return _warning("already-has", span, told, "change the condition, or offer something else")


def plan_without_addon(span: Span, addon: str, needs: Sequence[str], example: Example | None) -> Finding:
    told = f"{addon} needs the plan {listed(needs, 'or')}, which nobody has whom this rule meets{_shown(example)}"
    return _warning("addon-needs-plan", span, told, f"plan in ({', '.join(needs)})")


def over_largest_discount(span: Span, product: str, interval: str, off: Decimal, largest: Decimal) -> Finding:
    told = f"this is {off:.0f}% off the price of {product} a {interval}; the catalog's largest discount is"
    return _warning("over-largest-discount", span, f"{told} {largest.normalize():f}%")


# --- contacts ---------------------------------------------------------------------------------------------------------


def no_cap(span: Span, moment: str) -> Finding:
    told = f"this rule meets every {moment} and neither it nor the catalog's policies say how often at most"
    return _warning("no-cap", span, told, "at most once per 30 days")


def no_consent(span: Span, channel: str) -> Finding:
    told = f"marketing goes out by {channel} without asking for consent: the catalog's policies name no flag for it"
    return _warning("no-consent", span, told, f"policies: consent: {{{channel}: a flag of the customer}}")


def never_consents(span: Span, flags: Sequence[str]) -> Finding:
    told = f"nobody whom this rule meets can be sent anything: {listed(flags)} is never true of them"
    return _warning("no-consent", span, told)


# --- segments and messages --------------------------------------------------------------------------------------------


def unused_segment(span: Span, name: str) -> Finding:
    return _info("unused-segment", span, f"no rule and no other segment uses {name}", "delete it, or use it")


def unused_message(span: Span, name: str) -> Finding:
    return _info("unused-message", span, f"no rule says {name}", "delete the file, or say it")


def variable_may_be_missing(span: Span, message: str, attribute: Attribute, count: int | None) -> Finding:
    word, whose = attribute.key if attribute.owner is Owner.EVENT else attribute.name, f"{attribute.owner}s"
    known = f" ({count:,} {whose} have none)" if count else ""
    told = f"{message} reads {word}, which this rule's condition does not ensure{known}: its place may stay empty"
    return _info("variable-may-be-missing", span, told, f'{{{{ {word} | default: "..." }}}}, or {word} is known')


def offer_variable_without_offer(span: Span, message: str, variable: str) -> Finding:
    told = f"{message} reads {variable}, but this rule offers nothing: it stays empty"
    return _warning("variable-without-offer", span, told)
