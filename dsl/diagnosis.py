"""Which mistake an author made where the parser stopped.

The parser knows where a declaration stops making sense and which words could have come next. An author needs to hear
what is missing or misspelt. `_MISTAKES` are the mistakes people make, most certain first: each function looks at the
words before the place, the word there and what would fit, and answers with its diagnostic or None. The first that
answers is the diagnostic.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from lark.exceptions import UnexpectedCharacters, UnexpectedInput

from dsl import parse_errors as errors
from dsl.currencies import EXPONENTS
from dsl.diagnostics import Diagnostic
from dsl.source import Source, Span
from dsl.splitter import BEGINNINGS, Chunk, misspelt_beginning
from dsl.suggestions import closest, hint
from dsl.words import RESERVED, SPELLINGS, meant, spellings

_PIECE = re.compile(
    r"""
    (?P<comment> \#[^\n]* )
    | "(?: [^"\\\n] | \\[^\n] )*"?
    | \$[ \t]*[0-9][0-9.,_]*
    | [0-9]+ (?: [.,_][0-9]+ )*
    | \w+ (?: \.\w+ )*
    | <= | >= | != | \S
    """,
    re.VERBOSE,
)
_CURLY = re.compile('[“”„‟«»]([^“”„‟«»"\n]*)[“”„‟«»"]')
_SINGLE = re.compile("['‘’‚]([^'‘’‚\"\n]*)['‘’]")
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

_JOINING = frozenset(["and", "or", "not", "where"])
_COMPARING = frozenset(["=", "!=", "<", "<=", ">", ">=", "is"])
_TESTING = _COMPARING | {"in", "between", "contains", "starts", "ends", "like", "includes", "within", "before", "after"}
_TOGETHER = frozenset(written for written in SPELLINGS.values() if " " in written)
_NOT_NEEDED = frozenset(["then", "please", "the", "a", "an"])
_ACTIONS = ("offer", "say", "tag", "untag", "call")
_CLAUSES = {
    "via": "via",
    "as": "as",
    "priority": "priority",
    "worth": "worth",
    "from": "from",
    "until": "until",
    "most": "at most",
    "budget": "budget",
    "hold": "hold out",
    "expires": "expires after",
    "goal": "goal",
    "catch": "catch up",
}

# What must follow a word: (words, a terminal that then fits, what is missing, the code's ending, an example).
_FOLLOWS: tuple[tuple[frozenset[str], str, str, str, str | None], ...] = tuple(
    (frozenset(words.split()), terminal, what, code, example)
    for words, terminal, what, code, example in (
        ("where and or not", "PATH", "a condition", "condition", None),
        ("( :", "PATH", "a condition", "condition", None),
        ("where", "LPAR", "a condition in parentheses", "condition", 'for example where (product = "desktop")'),
        ("given ,", "PATH", "a fact", "fact", "for example plan = basic"),
        ("= != < <= > >= is", "WORD", "a value", "value", None),
        ("+ - * / of between and ( ,", "WORD", "a value", "value", None),
        ("contains with like includes", "WORD", "a value", "value", 'for example "/pricing*"'),
        ("before after on", "WORD", "a date", "date", "for example 2026-11-27"),
        ("in", "LPAR", "a list", "list", "for example in (DE, FR)"),
        ("on or before after", "DATE", "a moment", "moment", "for example billing_anniversary"),
        ("from until at", "DATE", "a date", "date", "for example 2026-11-27"),
        ("offer", "NAME", "a plan or an add-on", "product", None),
        ("at", "DOLLARS", "a price", "price", "for example 20% off, $5 off or $29.99"),
        ("with", "NAME", "an add-on or a free period", "extra", "for example with 1 month free"),
        ("say", "STRING", "a message", "message", "the name of a message, or text in quotes"),
        ("say", "NAME", "a message", "message", "the name of a message"),
        ("tag untag tagged", "NAME", "a tag", "tag", None),
        ("call", "NAME", "a task", "task", None),
        ("has", "NAME", "an add-on", "addon", None),
        ("offered accepted", "NAME", "a plan, an add-on or any", "product", None),
        ("any last count_of", "NAME", "an event", "event", None),
        ("usage_of quota_of", "NAME", "a meter", "meter", None),
        ("best_of", "NAME", "a plan or an add-on", "product", None),
        ("via", "NAME", "a channel", "channel", "for example email"),
        ("as", "NAME", "marketing or service", "purpose", None),
        ("goal", "NAME", "a moment", "moment", None),
        ("arm", "NAME", "the name of an arm", "name", None),
        ("rule segment was", "NAME", "a name", "name", "letters a to z, digits and _"),
        ("no of", "NAME", "a name", "name", None),
        (",", "NAME", "a name", "name", None),
        ("priority", "NUMBER", "a whole number", "number", "for example priority 10"),
        ("most", "NUMBER", "once or a number of customers", "limit", "for example at most once per 90 days"),
        ("worth budget", "DOLLARS", "an amount", "amount", "for example $30"),
        ("out", "PERCENT", "a percentage", "percentage", "for example hold out 10%"),
        ("split", "PERCENT", "a share", "share", "for example 50% offer premium"),
        ("per", "UNIT", "a unit of time", "time", "day, week or month"),
        ("up", "NEVER", "within or never", "time", "for example catch up within 3 days"),
        ("in last for within than after next per", "NUMBER", "a length of time", "time", "for example 30 days"),
        ("test", "STRING", "the test's title", "title", 'for example test "thirteen months on basic"'),
        ("expect", "NOTHING", "what is expected", "expectation", "for example offer premium, or nothing"),
    )
)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A word, number, text or sign of the declaration."""

    text: str
    span: Span

    @property
    def word(self) -> str:
        return self.text.lower()

    def touches(self, following: _Piece) -> bool:
        return self.span.end == following.span.start


@dataclass(frozen=True)
class _Place:
    """Where the parser stopped: the pieces before it, the one there (None at the end), the one behind it.

    `fits` are the terminals that could have come. `stray` means that no terminal at all begins at `offset`.
    """

    source: Source
    chunk: Chunk
    offset: int
    stray: bool
    before: tuple[_Piece, ...]
    here: _Piece | None
    behind: _Piece | None
    fits: frozenset[str]

    @cached_property
    def span(self) -> Span:
        """Of the piece here, or the empty span behind the last word."""
        if self.here:
            return self.here.span
        end = self.before[-1].span.end if self.before else self.chunk.span.end
        return Span(end, end)

    def previous(self, back: int = 1) -> str:
        """A word before this place, in lower case; "" before the first."""
        return self.before[-back].word if len(self.before) >= back else ""

    @property
    def word(self) -> str:
        return self.here.word if self.here else ""

    @property
    def expected(self) -> list[str]:
        kinds = (
            ("PATH", "a condition"),
            ("NAME", "a name"),
            ("WORD", "a value"),
            ("STRING", "text in quotes"),
            ("DATE", "a date"),
            ("NUMBER", "a number"),
        )
        named = [called for terminal, called in kinds if terminal in self.fits]
        return [*named[:2], *spellings(self.fits)][:6]


def diagnose(source: Source, chunk: Chunk, problem: UnexpectedInput) -> Diagnostic:
    place = _place(source, chunk, problem)
    for mistake in _MISTAKES:
        if (found := mistake(place)) is not None:
            return found
    if place.here is None:
        return errors.unfinished(source, place.span, place.expected)
    return errors.does_not_fit(source, place.span, place.expected)


def _place(source: Source, chunk: Chunk, problem: UnexpectedInput) -> _Place:
    interactive = getattr(problem, "interactive_parser", None)
    fits = frozenset(interactive.accepts()) if interactive else frozenset()
    token = getattr(problem, "token", None)
    at_end = token is not None and token.type == "$END"
    offset = chunk.span.end if at_end else chunk.span.start + (problem.pos_in_stream or 0)
    pieces = [
        _Piece(match.group(), Span(*match.span()))
        for match in _PIECE.finditer(source.text, chunk.span.start, chunk.span.end)
        if not match.group("comment")
    ]
    passed = sum(piece.span.end <= offset for piece in pieces)
    here, behind = [*pieces[passed : passed + 2], None, None][:2]
    stray = isinstance(problem, UnexpectedCharacters)
    return _Place(source, chunk, offset, stray, tuple(pieces[:passed]), here, behind, fits)


# --- signs that the language does not have ---------------------------------------------------------------------------


def _quotes(place: _Place) -> Diagnostic | None:
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


def _money_signs(place: _Place) -> Diagnostic | None:
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


def _signs(place: _Place) -> Diagnostic | None:
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


def _doubled_signs(place: _Place) -> Diagnostic | None:
    """`==`, `=>`, `<>`."""
    if not place.here or not place.before or not place.before[-1].touches(place.here):
        return None
    if (signs := (place.previous(), place.word)) not in _DOUBLED:
        return None
    return errors.unexpected_symbol(place.source, place.before[-1].span.to(place.here.span), _DOUBLED[signs])


def _hyphens(place: _Place) -> Diagnostic | None:
    """`black-friday`."""
    here, behind = place.here, place.behind
    if not here or here.text != "-" or not behind or not place.before:
        return None
    last = place.before[-1]
    if not (last.touches(here) and here.touches(behind) and last.text[0].isalpha() and behind.text[0].isalnum()):
        return None
    return errors.hyphen_in_name(place.source, last.span.to(behind.span))


# --- parentheses -----------------------------------------------------------------------------------------------------


def _parentheses(place: _Place) -> Diagnostic | None:
    opened: list[_Piece] = []
    for piece in place.before:
        if piece.text == "(":
            opened.append(piece)
        elif piece.text == ")" and opened:
            opened.pop()
    if place.word == ")" and not opened:
        return errors.unopened_parenthesis(place.source, place.span)
    if place.word == ")" and place.previous() == "(":
        return errors.empty_parentheses(place.source, place.before[-1].span.to(place.span))
    if opened and "RPAR" in place.fits and (place.here is None or place.word in (*_ACTIONS, *_CLAUSES, "where", "on")):
        return errors.unclosed_parenthesis(place.source, opened[-1].span)
    return None


def _list_without_parentheses(place: _Place) -> Diagnostic | None:
    if place.here and place.previous() == "in" and place.previous(2) in ("is", "not"):
        return errors.needs_parentheses(place.source, place.span)
    if place.word != "in" or "_IN" not in place.fits or place.behind is None:
        return None
    return errors.needs_parentheses(place.source, place.behind.span)


# --- words in the wrong place ----------------------------------------------------------------------------------------


def _no_beginning(place: _Place) -> Diagnostic | None:
    if place.before or place.chunk.begins:
        return None
    line = place.source.text[place.chunk.span.start : place.chunk.span.start + 200].split("\n")[0]
    word = misspelt_beginning(line) or (closest(place.word, BEGINNINGS) if 2 < len(place.word) < 12 else None)
    return errors.unknown_beginning(place.source, place.span, word)


def _order(place: _Place) -> Diagnostic | None:
    """Actions come before clauses, the split comes last, there is one `where`, and segments do nothing."""
    if (
        place.chunk.begins == "segment"
        and place.fits & {"_AND", "$END"}
        and place.word in (*_ACTIONS, *_CLAUSES, "split")
    ):
        return errors.segment_with_action(place.source, place.span)
    words = {piece.word for piece in place.before}
    if "OFFER" not in place.fits and "VIA" in place.fits and place.word in _ACTIONS and "split" not in words:
        clause = next((_CLAUSES[piece.word] for piece in reversed(place.before) if piece.word in _CLAUSES), "a clause")
        return errors.action_after_clause(place.source, place.span, clause)
    if "split" in words and "PERCENT" in place.fits and place.word in (*_CLAUSES, "at", "split"):
        return errors.split_not_last(place.source, place.span)
    if place.word == "where" and "where" in words and "_AND" in place.fits and "RPAR" not in place.fits:
        return errors.second_where(place.source, place.span)
    return None


def _commas(place: _Place) -> Diagnostic | None:
    """Commas and `and` where conditions or moments are joined."""
    if place.word == "and" and "_OR" in place.fits and "_AND" not in place.fits:
        return errors.unknown_keyword(place.source, place.span, "or")
    if place.word == "and" and place.chunk.begins == "test" and "_COMMA" in place.fits and "_AND" not in place.fits:
        return errors.facts_joined(place.source, place.span)
    if place.word != "," or not place.fits & {"_AND", "_OR"}:
        return None
    if place.behind and place.behind.word in (*_ACTIONS, *_CLAUSES, "where"):
        return errors.not_needed(place.source, place.span)
    return errors.comma_for_word(place.source, place.span, "and or or" if "_AND" in place.fits else "or")


def _not_needed(place: _Place) -> Diagnostic | None:
    if place.word not in _NOT_NEEDED:
        return None
    return errors.not_needed(place.source, place.span)


def _name_reserved(place: _Place) -> Diagnostic | None:
    """`rule test on birthday`."""
    if place.word not in RESERVED or place.previous() not in ("rule", "segment", "was") or not place.behind:
        return None
    if place.behind.word in ("on", ":", "was") or place.behind.text.startswith('"'):
        return errors.reserved_word(place.source, place.span)
    return None


def _unquoted(place: _Place) -> Diagnostic | None:
    """`say hello world`."""
    if place.previous(2) != "say" or not place.word.isidentifier() or place.word in RESERVED or "VIA" not in place.fits:
        return None
    if meant(place.word, place.fits):
        return None
    return errors.unquoted_text(place.source, place.before[-1].span.to(place.span))


def _no_left_side(place: _Place) -> Diagnostic | None:
    """`plan = basic or = premium`."""
    if place.word not in _TESTING or place.previous() not in ("and", "or") or "PATH" not in place.fits:
        return None
    return errors.missing_left_side(place.source, place.span, place.before[-1].text)


def _no_at(place: _Place) -> Diagnostic | None:
    """`offer premium 20% off`, `offer premium for 3 months`."""
    if not {"AT", "WITH"} <= place.fits or "_FOR" in place.fits or not place.word:
        return None
    if place.word != "for" and place.word[0] not in "$0123456789":
        return None
    return errors.missing_word(place.source, place.span, "at", "for example at 20% off for 3 months")


def _no_in(place: _Place) -> Diagnostic | None:
    """`count of support_call last 30 days`."""
    if place.word != "last" or "_IN_LAST" not in place.fits:
        return None
    return errors.missing_word(place.source, place.span, "in", "for example in last 30 days")


def _no_time(place: _Place) -> Diagnostic | None:
    """`given 3 support_call on ...`."""
    if place.chunk.begins != "test" or place.fits != {"NUMBER", "WITH"}:
        return None
    example = "for example 5 days ago"
    return errors.missing(place.source, place.span, "a time", "time", place.before[-1].text, example)


def _no_expect(place: _Place) -> Diagnostic | None:
    if "_EXPECT" not in place.fits or (place.word.isidentifier() and meant(place.word, place.fits)):
        return None
    return errors.missing_word(place.source, place.span, "expect", "for example expect offer premium")


def _no_comparison(place: _Place) -> Diagnostic | None:
    """`where plan premium`, `where has backup tenure > 12`."""
    here = place.here
    joins = {"_AND", "OFFER"} <= place.fits or (place.chunk.begins == "test" and "EQUALS" in place.fits)
    if not here or not joins or not (here.text[0].isalnum() or here.text[0] in '"$('):
        return None
    if meant(place.word, place.fits) or (place.word in RESERVED and place.word not in ("not", "has", "any", "no")):
        return None
    if (place.behind and place.behind.word in _TESTING) or place.word in ("not", "has", "any", "no"):
        return errors.missing_word(place.source, place.span, "and", "join conditions with and, or")
    if "EQUALS" in place.fits and (place.previous().isidentifier()):
        example = f"for example {place.before[-1].text} = {here.text}" if len(here.text) < 30 else None
        return errors.missing_comparison(place.source, place.span, example)
    return None


def _no_moment(place: _Place) -> Diagnostic | None:
    kind = place.chunk.begins
    if "ON" not in place.fits or kind not in ("rule", "test") or any(piece.word == "on" for piece in place.before):
        return None
    if kind == "rule" and place.word and place.word not in RESERVED and meant(place.word, {"WAS"} & place.fits):
        return None
    if kind == "test" and place.word not in ("expect", ""):
        return None
    return errors.missing_moment_word(place.source, place.span, kind)


def _no_where(place: _Place) -> Diagnostic | None:
    """`on birthday tenure > 12 offer premium`."""
    if "_WHERE" not in place.fits or "OFFER" not in place.fits or not place.here:
        return None
    begins_condition = place.word in ("not", "has", "count", "sum", "usage", "any", "no", "was", "accepted", "(")
    if begins_condition or (place.behind and place.here.text[0].isalpha() and place.behind.word in _TESTING):
        return errors.missing_where(place.source, place.span)
    return None


def _forgotten_condition(place: _Place) -> Diagnostic | None:
    """`where tenure > 12 and priority 10`: a word that begins the next part was read as an attribute."""
    asked, read = place.previous(2), place.previous()
    if asked not in _JOINING | _COMPARING or read in RESERVED or not read.isidentifier() or len(read) > 12:
        return None
    if read in _CLAUSES or closest(read, ("offer", "split", "untag", "priority", "budget")):
        what, code = ("a condition", "condition") if asked in _JOINING else ("a value", "value")
        return errors.missing(place.source, place.before[-1].span, what, code, place.before[-2].text, None)
    return None


# --- numbers ---------------------------------------------------------------------------------------------------------


def _numbers(place: _Place) -> Diagnostic | None:
    """A number that lacks its unit, or has one that nobody knows."""
    if "CURRENCY" not in place.fits or not place.before or not _NUMBER.fullmatch(place.previous()):
        return None
    number = place.before[-1]
    if (place.here and number.touches(place.here) and place.here.text[0].isalpha()) or _like_currency(place):
        if near := meant(place.word, {"UNIT"} & place.fits):
            return errors.unknown_currency(place.source, place.span, f"did you mean {near}?")
        return errors.unknown_currency(
            place.source, place.span, hint(place.here.text, EXPONENTS) if place.here else None
        )
    if place.fits == {"CURRENCY"} and place.previous(2) == "at":
        return errors.percent_or_money(place.source, number.span, number.text)
    if place.fits == {"CURRENCY"}:
        example = f"write ${number.text} or {number.text} EUR"
        return errors.missing(place.source, place.span, "a currency", "currency", number.text, example)
    return None


def _like_currency(place: _Place) -> bool:
    return bool(place.here) and re.fullmatch("[A-Z]{3}", place.here.text if place.here else "") is not None


def _ago(place: _Place) -> Diagnostic | None:
    if "AGO" not in place.fits:
        return None
    if place.previous(3) == "than":
        return errors.missing_ago(place.source, place.span)
    return errors.missing_word(place.source, place.span, "ago", "for example 5 days ago")


# --- what is missing or misspelt -------------------------------------------------------------------------------------


def _misspelt(place: _Place) -> Diagnostic | None:
    if not place.here or not place.word.isidentifier() or place.word in RESERVED:
        return None
    word = meant(place.word, place.fits)
    return errors.unknown_keyword(place.source, place.span, word) if word and word != place.word else None


def _missing(place: _Place) -> Diagnostic | None:
    two = f"{place.previous(2)} {place.previous()}"
    after = two if two in _TOGETHER else place.before[-1].text if place.before else ""
    for words, terminal, what, code, example in _FOLLOWS:
        if terminal in place.fits and (place.previous() in words or two.replace(" ", "_") in words):
            return errors.missing(place.source, place.span, what, code, after, example)
    return None


def _only_one_fits(place: _Place) -> Diagnostic | None:
    """`worth $5 per week` without anything else possible than one word."""
    words = spellings(place.fits)
    if len(words) != 1 or not place.fits <= SPELLINGS.keys():
        return None
    return errors.missing_word(place.source, place.span, words[0], None)


def _reserved(place: _Place) -> Diagnostic | None:
    if place.word in RESERVED and place.fits & {"NAME", "PATH"}:
        return errors.reserved_word(place.source, place.span)
    return None


_MISTAKES: tuple[Callable[[_Place], Diagnostic | None], ...] = (
    _no_beginning,
    _quotes,
    _money_signs,
    _doubled_signs,
    _signs,
    _hyphens,
    _parentheses,
    _list_without_parentheses,
    _order,
    _commas,
    _not_needed,
    _name_reserved,
    _forgotten_condition,
    _no_where,
    _numbers,
    _unquoted,
    _no_left_side,
    _no_at,
    _no_in,
    _no_time,
    _misspelt,
    _no_comparison,
    _no_expect,
    _no_moment,
    _missing,
    _ago,
    _only_one_fits,
    _reserved,
)
