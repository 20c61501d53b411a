"""What the parser says to an author: one function a message, in the author's words, never the grammar's."""

from __future__ import annotations

from collections.abc import Sequence

from dsl.diagnostics import Diagnostic, Fix, Severity
from dsl.source import Source, Span
from dsl.suggestions import closest, hint, listed


class Refused(Exception):
    """Carries the first mistake of a declaration out of the parser's loop; never leaves the parser."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


def _error(
    code: str, source: Source, span: Span, message: str, hint: str | None = None, fix: str | Fix | None = None
) -> Diagnostic:
    """A `fix` that is text replaces the words that are blamed."""
    edit = Fix(span, fix) if isinstance(fix, str) else fix
    return Diagnostic(code, Severity.ERROR, message, source, span, hint, edit)


def _before(span: Span, word: str) -> Fix:
    """Puts a word before what stands there, or behind the last word of a declaration."""
    at_end = span.start == span.end
    return Fix(Span(span.start, span.start), f" {word}" if at_end else f"{word} ")


def _shown(source: Source, span: Span) -> str:
    """The author's text, short and on one line."""
    text = " ".join(source.text[span.start : min(span.end, span.start + 200)].split())
    return text if len(text) <= 40 else text[:39] + "…"


# --- files and declarations ------------------------------------------------------------------------------------------


def unknown_beginning(source: Source, span: Span, meant: str | None) -> Diagnostic:
    hint = f"did you mean {meant}?" if meant else "begin with rule, segment, test or on"
    return _error("unknown-beginning", source, span, f'nothing begins with "{_shown(source, span)}"', hint, meant)


def merge_conflict(source: Source, span: Span) -> Diagnostic:
    return _error(
        "merge-conflict",
        source,
        span,
        "two versions of this text were never merged",
        "keep the lines that you want, and delete the lines that begin with <<<<<<<, =======, ||||||| or >>>>>>>",
    )


def declaration_too_long(source: Source, span: Span, limit: int) -> Diagnostic:
    return _error(
        "declaration-too-long",
        source,
        span,
        f"this is longer than {limit:,} characters",
        "split it, name parts of its condition as segments, or move its text into a message",
    )


def nested_too_deeply(source: Source, span: Span, limit: int) -> Diagnostic:
    return _error(
        "nested-too-deeply",
        source,
        span,
        f"this is nested more than {limit} levels deep",
        "name parts of it as segments",
    )


def list_too_long(source: Source, span: Span, limit: int) -> Diagnostic:
    return _error(
        "list-too-long",
        source,
        span,
        f"a list has at most {limit:,} items",
        "tag these customers, or import what they have in common as an attribute",
    )


# --- characters ------------------------------------------------------------------------------------------------------


def unclosed_quote(source: Source, span: Span) -> Diagnostic:
    return _error("unclosed-quote", source, span, "the text is not closed", 'end it with " on the same line')


def curly_quote(source: Source, span: Span, straight: str) -> Diagnostic:
    return _error("curly-quote", source, span, "these quotes are curly", f"write {straight}", straight)


def single_quote(source: Source, span: Span, straight: str) -> Diagnostic:
    return _error("single-quote", source, span, 'text stands in double quotes (")', f"write {straight}", straight)


def unexpected_character(source: Source, span: Span, called: str) -> Diagnostic:
    return _error("unexpected-character", source, span, f"{called} does not belong here", "delete it", "")


def unexpected_symbol(source: Source, span: Span, meant: str | None) -> Diagnostic:
    message = f'"{_shown(source, span)}" means nothing here'
    return _error("unexpected-symbol", source, span, message, f"write {meant}" if meant else None, meant)


def foreign_letters(source: Source, span: Span) -> Diagnostic:
    return _error(
        "foreign-letters",
        source,
        span,
        f'"{_shown(source, span)}" is no name: names are made of the letters a to z, digits and _',
        "put it in quotes if it is a value",
    )


def hyphen_in_name(source: Source, span: Span) -> Diagnostic:
    meant = source.slice(span).replace("-", "_")
    return _error("hyphen-in-name", source, span, "a name has no hyphen", f"write {meant}", meant)


def currency_symbol(source: Source, span: Span, meant: str) -> Diagnostic:
    message = "only $ is written as a sign, other currencies as three letters behind the amount"
    return _error("currency-symbol", source, span, message, f"write {meant}", meant)


def dollar_behind(source: Source, span: Span, amount: str) -> Diagnostic:
    return _error("dollar-behind", source, span, "$ stands before the amount", f"write ${amount}", f"${amount}")


# --- numbers, dates and money ----------------------------------------------------------------------------------------


def number_format(source: Source, span: Span, plain: str) -> Diagnostic:
    return _error("number-format", source, span, "digits are written without separators", f"write {plain}", plain)


def leading_point(source: Source, span: Span, meant: str) -> Diagnostic:
    return _error("number-format", source, span, "a number begins with a digit", f"write {meant}", meant)


def number_too_large(source: Source, span: Span, limit: int) -> Diagnostic:
    return _error("number-too-large", source, span, f"a number has at most {limit} digits")


def whole_number(source: Source, span: Span) -> Diagnostic:
    return _error("whole-number", source, span, f'a whole number is needed here, not "{_shown(source, span)}"')


def fraction_of_time(source: Source, span: Span) -> Diagnostic:
    hint = "use a smaller unit: 18 months instead of 1.5 years, 36 hours instead of 1.5 days"
    return _error(
        "fraction-of-time", source, span, "times are whole numbers of hours, days, weeks, months or years", hint
    )


def time_too_long(source: Source, span: Span) -> Diagnostic:
    return _error("time-too-long", source, span, "this is longer than 100 years")


def too_many_decimals(source: Source, span: Span, currency: str, places: int) -> Diagnostic:
    kept = {0: "no decimals", 1: "one decimal"}.get(places, f"{places} decimals")
    hint = "a point separates decimals; thousands are written together"
    return _error("too-many-decimals", source, span, f"an amount in {currency} has {kept}", hint)


def no_such_date(source: Source, span: Span) -> Diagnostic:
    return _error("no-such-date", source, span, "no such date")


def date_format(source: Source, span: Span, meant: str | None) -> Diagnostic:
    hint = f"write {meant}" if meant else "for example 2026-11-27"
    return _error("date-format", source, span, "a date is written year-month-day", hint, meant)


def unknown_unit(source: Source, span: Span, meant: str | None) -> Diagnostic:
    message = f'"{_shown(source, span)}" is neither a currency nor a unit of time'
    return _error("unknown-unit", source, span, message, f"did you mean {meant}?" if meant else None, meant)


# --- sentences -------------------------------------------------------------------------------------------------------


def missing(source: Source, span: Span, what: str, code: str, after: str, hint: str | None) -> Diagnostic:
    """`what` is a noun with its article: a condition, a plan or an add-on."""
    return _error(f"missing-{code}", source, span, f'{what} is missing after "{after}"', hint)


def missing_word(source: Source, span: Span, word: str, hint: str | None) -> Diagnostic:
    fix = None if word in _UNCERTAIN else _before(span, word)
    return _error("missing-word", source, span, f'"{word}" is missing', hint, fix)


# Where one of these is missing, another word could be meant as well.
_UNCERTAIN = ("and", "or", "(", ")", ",")


def unknown_keyword(source: Source, span: Span, meant: str) -> Diagnostic:
    message = f'"{_shown(source, span)}" does not fit here'
    return _error("unknown-keyword", source, span, message, f"did you mean {meant}?", meant)


def reserved_word(source: Source, span: Span) -> Diagnostic:
    message = f'"{_shown(source, span)}" is a word of the language and cannot be a name'
    return _error("reserved-word", source, span, message, "choose another name; a value may be put in quotes")


def does_not_fit(source: Source, span: Span, expected: Sequence[str]) -> Diagnostic:
    message = f'"{_shown(source, span)}" does not fit here'
    return _error("does-not-fit", source, span, message, _what_would_fit(expected))


def not_needed(source: Source, span: Span) -> Diagnostic:
    return _error("not-needed", source, span, f'"{_shown(source, span)}" is not needed here', "leave it out", "")


def comma_for_word(source: Source, span: Span, words: str) -> Diagnostic:
    fix = words if words == "or" else None
    return _error("does-not-fit", source, span, '"," does not fit here', f"write {words}", f" {fix}" if fix else None)


def facts_joined(source: Source, span: Span) -> Diagnostic:
    message = "commas stand between the facts of a test"
    return _error("does-not-fit", source, span, message, "write a comma instead of and", ",")


def unquoted_text(source: Source, span: Span) -> Diagnostic:
    return _error(
        "unquoted-text", source, span, "text to say stands in quotes", f'for example "{_shown(source, span)} ..."'
    )


def missing_left_side(source: Source, span: Span, after: str) -> Diagnostic:
    hint = "repeat what is compared (plan = basic or plan = premium), or write plan in (basic, premium)"
    return _error("missing-left-side", source, span, f'what is compared is missing after "{after}"', hint)


def missing_comparison(source: Source, span: Span, hint: str | None) -> Diagnostic:
    return _error("missing-comparison", source, span, "a comparison such as = or > is missing", hint)


def unfinished(source: Source, span: Span, expected: Sequence[str]) -> Diagnostic:
    return _error("unfinished", source, span, "the sentence is not finished", _what_would_fit(expected))


def _what_would_fit(expected: Sequence[str]) -> str | None:
    return f"here may stand: {listed(expected, 'or')}" if expected else None


def needs_parentheses(source: Source, span: Span) -> Diagnostic:
    return _error("list-in-parentheses", source, span, "a list stands in parentheses", "for example in (DE, FR)")


def unclosed_parenthesis(source: Source, span: Span) -> Diagnostic:
    return _error("unclosed-parenthesis", source, span, "this parenthesis is not closed", "end it with )")


def unopened_parenthesis(source: Source, span: Span) -> Diagnostic:
    return _error(
        "unopened-parenthesis", source, span, "this closes a parenthesis that was not opened", "delete it", ""
    )


def empty_parentheses(source: Source, span: Span) -> Diagnostic:
    return _error("empty-parentheses", source, span, "there is nothing in these parentheses")


def missing_ago(source: Source, span: Span) -> Diagnostic:
    hint = "more than and less than say when something happened: more than 14 days ago; otherwise compare with > and <"
    return _error("missing-ago", source, span, '"ago" is missing', hint)


def percent_or_money(source: Source, span: Span, number: str) -> Diagnostic:
    message = f"{number} what: percent or money?"
    return _error("percent-or-money", source, span, message, f"write {number}% or ${number}")


def condition_as_value(source: Source, span: Span) -> Diagnostic:
    return _error(
        "condition-as-value",
        source,
        span,
        "a condition stands where a value is needed",
        "compare one value with another, and join conditions with and, or, not",
    )


def action_after_clause(source: Source, span: Span, clause: str) -> Diagnostic:
    message = f"{_shown(source, span)} comes after {clause}"
    return _error(
        "action-after-clause", source, span, message, "say first what to do, then how: offer, say, ... via, priority"
    )


def segment_with_action(source: Source, span: Span) -> Diagnostic:
    message = f'a segment is a condition only: "{_shown(source, span)}" belongs in a rule'
    return _error("segment-with-action", source, span, message, "write a rule whose where names the segment")


def split_not_last(source: Source, span: Span) -> Diagnostic:
    message = f'"{_shown(source, span)}" comes after split'
    return _error("split-not-last", source, span, message, "split comes last in a rule; its arms hold actions only")


def second_where(source: Source, span: Span) -> Diagnostic:
    return _error("second-where", source, span, "a rule has one where", "join the conditions with and", "and")


def missing_where(source: Source, span: Span) -> Diagnostic:
    message = '"where" is missing before the condition'
    return _error("missing-word", source, span, message, "did you mean where?", _before(span, "where"))


def missing_moment_word(source: Source, span: Span, kind: str) -> Diagnostic:
    hint = {"rule": "say when the rule speaks: on birthday", "test": "say which moment it meets: on birthday"}[kind]
    return _error("missing-on", source, span, f'a {kind} needs a moment, after the word "on"', hint)


def rule_does_nothing(source: Source, span: Span) -> Diagnostic:
    return _error("rule-does-nothing", source, span, "a rule needs something to do", "offer, say, tag or call")


def two_prices(source: Source, span: Span) -> Diagnostic:
    return _error("two-prices", source, span, "two prices for one offer", "keep one of them, or make two rules")


def two_free_periods(source: Source, span: Span) -> Diagnostic:
    return _error("two-free-periods", source, span, "two free periods for one offer", "keep one of them")


def repeated_clause(source: Source, span: Span, called: str) -> Diagnostic:
    return _error("repeated-clause", source, span, f'"{called}" stands twice in this rule', "keep one of them")


def unknown_purpose(source: Source, span: Span, known: Sequence[str]) -> Diagnostic:
    word = source.slice(span)
    message = f'"{_shown(source, span)}" is no purpose: a rule speaks as marketing or as service'
    return _error("unknown-purpose", source, span, message, hint(word, known), closest(word, known))
