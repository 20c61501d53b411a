"""Mistakes of signs: quotes, currencies, other notations, invisible characters, parentheses, numbers without a unit."""

from __future__ import annotations

import re
import unicodedata

from dsl import parse_errors as errors
from dsl.currencies import EXPONENTS
from dsl.diagnostics import Diagnostic
from dsl.place import Piece, Place
from dsl.source import Span
from dsl.suggestions import closest
from dsl.words import ACTIONS, CLAUSES, meant

_CURLY = re.compile('[“”„‟«»]([^“”„‟«»"\n]*)[“”„‟«»"]')
_SINGLE = re.compile("['‘’‚]([^'‘’‚\"\n]*)['‘’]")
_CURRENCY = re.compile("[A-Z]{3}")
_NUMBER = re.compile(r"[0-9][0-9_,]*(?:\.[0-9]+)?")

# Signs of other notations: how they are written here, and the terminal that this is.
_SYMBOLS = {
    "≥": (">=", "COMPARE"),
    "≤": ("<=", "COMPARE"),
    "≠": ("!=", "COMPARE"),
    "×": ("*", "STAR"),
    "÷": ("/", "SLASH"),
    "–": ("-", "MINUS"),
    "—": ("-", "MINUS"),
    "−": ("-", "MINUS"),
    "&": ("and", "_AND"),
    "|": ("or", "_OR"),
    "!": ("not", "NOT"),
    "{": ("(", "LPAR"),
    "}": (")", "RPAR"),
    "[": ("(", "LPAR"),
    "]": (")", "RPAR"),
}
_DOUBLED = {("=", "="): "=", ("!=", "="): "!=", ("=", ">"): ">=", ("=", "<"): "<=", ("<", ">"): "!="}
_CURRENCY_SYMBOLS = {"€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "₩": "KRW", "₺": "TRY", "₽": "RUB", "₴": "UAH"}


# --- signs that the language does not have ---------------------------------------------------------------------------


def quotes(place: Place) -> Diagnostic | None:
    if not place.here or not place.stray:
        return None
    text, at = place.source.text, place.offset
    if text[at] == '"':
        return errors.unclosed_quote(place.source, Span(at, at + 1))
    if match := _CURLY.match(text, at):
        return errors.curly_quote(place.source, Span(*match.span()), f'"{match.group(1)}"')
    if match := _SINGLE.match(text, at):
        return errors.single_quote(place.source, Span(*match.span()), f'"{match.group(1)}"')
    if text[at] in "“”„‟«»‘’‚'":
        return errors.curly_quote(place.source, Span(at, at + 1), '"')
    return None


def money_signs(place: Place) -> Diagnostic | None:
    if not place.here or not place.stray:
        return None
    sign = place.source.text[place.offset]
    span = Span(place.offset, place.offset + 1)
    behind = place.behind.text if place.behind and place.here.touches(place.behind) else ""
    if sign == "$" and place.before and _NUMBER.fullmatch(place.previous()):
        return errors.dollar_behind(place.source, place.before[-1].span.to(span), place.previous())
    if sign != "$" and unicodedata.category(sign) == "Sc":
        currency = _CURRENCY_SYMBOLS.get(sign, "EUR")
        if place.behind and _NUMBER.fullmatch(behind):
            return errors.currency_symbol(place.source, span.to(place.behind.span), f"{behind} {currency}")
        return errors.currency_symbol(place.source, span, currency)
    return None


def signs(place: Place) -> Diagnostic | None:
    """Signs of other notations, foreign letters, and characters that nobody sees."""
    if not place.here or not place.stray:
        return None
    character = place.source.text[place.offset]
    span = Span(place.offset, place.offset + 1)
    if character in _SYMBOLS:
        if place.here and place.behind and place.behind.text == character and place.here.touches(place.behind):
            span = span.to(place.behind.span)
        written, terminal = _SYMBOLS[character]
        return errors.unexpected_symbol(place.source, span, written if terminal in place.fits else None)
    if character.isalnum() or unicodedata.category(character).startswith("M"):
        return errors.foreign_letters(place.source, place.here.span)
    if unicodedata.category(character) in ("Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp"):
        return errors.unexpected_character(place.source, span, f"an invisible character (U+{ord(character):04X})")
    if character == "." and place.behind and place.here.touches(place.behind) and place.behind.text.isdigit():
        return errors.leading_point(place.source, span.to(place.behind.span), f"0.{place.behind.text}")
    if character == ".":
        return errors.unexpected_character(place.source, span, "a full stop")
    return errors.unexpected_symbol(place.source, span, None)


def doubled_signs(place: Place) -> Diagnostic | None:
    """`==`, `=>`, `<>`."""
    if not place.here or not place.before or not place.before[-1].touches(place.here):
        return None
    if (signs := (place.previous(), place.word)) not in _DOUBLED:
        return None
    return errors.unexpected_symbol(place.source, place.before[-1].span.to(place.here.span), _DOUBLED[signs])


def hyphens(place: Place) -> Diagnostic | None:
    """`black-friday`."""
    here, behind = place.here, place.behind
    if not here or here.text != "-" or not behind or not place.before:
        return None
    last = place.before[-1]
    if not (last.touches(here) and here.touches(behind) and last.text[0].isalpha() and behind.text[0].isalnum()):
        return None
    return errors.hyphen_in_name(place.source, last.span.to(behind.span))


# --- parentheses -----------------------------------------------------------------------------------------------------


def parentheses(place: Place) -> Diagnostic | None:
    opened: list[Piece] = []
    for piece in place.before:
        if piece.text == "(":
            opened.append(piece)
        elif piece.text == ")" and opened:
            opened.pop()
    if place.word == ")" and not opened:
        return errors.unopened_parenthesis(place.source, place.span)
    if place.word == ")" and place.previous() == "(":
        return errors.empty_parentheses(place.source, place.before[-1].span.to(place.span))
    if opened and "RPAR" in place.fits and (place.here is None or place.word in (*ACTIONS, *CLAUSES, "where", "on")):
        return errors.unclosed_parenthesis(place.source, opened[-1].span)
    return None


def list_without_parentheses(place: Place) -> Diagnostic | None:
    if place.here and place.previous() == "in" and place.previous(2) in ("is", "not"):
        return errors.needs_parentheses(place.source, place.span)
    if place.word != "in" or "_IN" not in place.fits or place.behind is None:
        return None
    if place.behind.word == "last" and place.before:
        event = place.before[-1]
        hint = f"any {event.text} in last 30 days, or count of {event.text} in last 30 days > 3"
        return errors.missing_word(place.source, event.span, "any", hint)
    return errors.needs_parentheses(place.source, place.behind.span)


# --- numbers ---------------------------------------------------------------------------------------------------------


def numbers(place: Place) -> Diagnostic | None:
    """A number that lacks its unit, or has one that nobody knows."""
    if "CURRENCY" not in place.fits or not place.before or not _NUMBER.fullmatch(place.previous()):
        return None
    number, here = place.before[-1], place.here
    if here and here.text[0].isalpha() and (number.touches(here) or _CURRENCY.fullmatch(here.text)):
        near = meant(here.word, {"UNIT"} & place.fits)
        currency = closest(here.text, EXPONENTS) if _CURRENCY.fullmatch(here.text) else None
        return errors.unknown_unit(place.source, here.span, near or currency)
    if place.fits == {"CURRENCY"} and place.previous(2) == "at":
        return errors.percent_or_money(place.source, number.span, number.text)
    if place.fits == {"CURRENCY"}:
        example = f"write ${number.text} or {number.text} EUR"
        return errors.missing(place.source, place.span, "a currency", "currency", number.text, example)
    return None
