"""Mistakes of words: misspelt, missing, forgotten, or in the wrong place."""

from __future__ import annotations

from dsl import parse_errors as errors
from dsl.diagnostics import Diagnostic
from dsl.place import Place
from dsl.splitter import BEGINNINGS, misspelt_beginning
from dsl.suggestions import closest
from dsl.words import ACTIONS, CLAUSES, RESERVED, SPELLINGS, meant, spellings

_JOINING = frozenset(["and", "or", "not", "where"])
_COMPARING = frozenset(["=", "!=", "<", "<=", ">", ">=", "is"])
_TESTING = _COMPARING | {"in", "between", "contains", "starts", "ends", "like", "includes", "within", "before", "after"}
_TOGETHER = frozenset(written for written in SPELLINGS.values() if " " in written)
_NOT_NEEDED = frozenset(["then", "please", "the", "a", "an"])

# Words that nothing but themselves can stand for, in a sentence.
_EXAMPLES = {
    ":": "for example segment loyal: tenure > 2 years",
    "given": "for example given plan = basic",
    "off": "for example at 20% off",
    "free": "for example with 1 month free",
    "per": "for example per week",
    "customers": "for example at most 500 customers per day",
    "after": "for example expires after 14 days",
    "within": "for example within 30 days",
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


# --- words in the wrong place ----------------------------------------------------------------------------------------


def no_beginning(place: Place) -> Diagnostic | None:
    if place.before or place.chunk.begins:
        return None
    line = place.source.text[place.chunk.span.start : place.chunk.span.start + 200].split("\n")[0]
    word = misspelt_beginning(line) or (closest(place.word, BEGINNINGS) if 2 < len(place.word) < 12 else None)
    return errors.unknown_beginning(place.source, place.span, word)


def order(place: Place) -> Diagnostic | None:
    """Actions come before clauses, the split comes last, there is one `where`, and segments do nothing."""
    if (
        place.chunk.begins == "segment"
        and place.fits & {"_AND", "$END"}
        and place.word in (*ACTIONS, *CLAUSES, "split")
    ):
        return errors.segment_with_action(place.source, place.span)
    words = {piece.word for piece in place.before}
    if "OFFER" not in place.fits and "VIA" in place.fits and place.word in ACTIONS and "split" not in words:
        clause = next((CLAUSES[piece.word] for piece in reversed(place.before) if piece.word in CLAUSES), "a clause")
        return errors.action_after_clause(place.source, place.span, clause)
    if "split" in words and "PERCENT" in place.fits and place.word in (*CLAUSES, "at", "split"):
        return errors.split_not_last(place.source, place.span)
    if place.word == "where" and "where" in words and "_AND" in place.fits and "RPAR" not in place.fits:
        return errors.second_where(place.source, place.span)
    return None


def commas(place: Place) -> Diagnostic | None:
    """Commas and `and` where conditions or moments are joined."""
    if place.word == "and" and "_OR" in place.fits and "_AND" not in place.fits:
        return errors.unknown_keyword(place.source, place.span, "or")
    if place.word == "and" and place.chunk.begins == "test" and "_COMMA" in place.fits and "_AND" not in place.fits:
        return errors.facts_joined(place.source, place.span)
    if place.word != "," or not place.fits & {"_AND", "_OR"}:
        return None
    if place.behind and place.behind.word in (*ACTIONS, *CLAUSES, "where"):
        return errors.not_needed(place.source, place.span)
    return errors.comma_for_word(place.source, place.span, "and or or" if "_AND" in place.fits else "or")


def not_needed(place: Place) -> Diagnostic | None:
    if place.word not in _NOT_NEEDED:
        return None
    return errors.not_needed(place.source, place.span)


def name_reserved(place: Place) -> Diagnostic | None:
    """`rule test on birthday`."""
    if place.word not in RESERVED or place.previous() not in ("rule", "segment", "was") or not place.behind:
        return None
    if place.behind.word in ("on", ":", "was") or place.behind.text.startswith('"'):
        return errors.reserved_word(place.source, place.span)
    return None


def unquoted(place: Place) -> Diagnostic | None:
    """`say hello world`."""
    if place.previous(2) != "say" or not place.word.isidentifier() or place.word in RESERVED or "VIA" not in place.fits:
        return None
    if meant(place.word, place.fits):
        return None
    return errors.unquoted_text(place.source, place.before[-1].span.to(place.span))


def no_left_side(place: Place) -> Diagnostic | None:
    """`plan = basic or = premium`."""
    if place.word not in _TESTING or place.previous() not in ("and", "or") or "PATH" not in place.fits:
        return None
    return errors.missing_left_side(place.source, place.span, place.before[-1].text)


def no_at(place: Place) -> Diagnostic | None:
    """`offer premium 20% off`, `offer premium for 3 months`."""
    if not {"AT", "WITH"} <= place.fits or "_FOR" in place.fits or not place.word:
        return None
    if place.word != "for" and place.word[0] not in "$0123456789":
        return None
    return errors.missing_word(place.source, place.span, "at", "for example at 20% off for 3 months")


def no_in(place: Place) -> Diagnostic | None:
    """`count of support_call last 30 days`."""
    if place.word != "last" or "_IN_LAST" not in place.fits:
        return None
    return errors.missing_word(place.source, place.span, "in", "for example in last 30 days")


def no_time(place: Place) -> Diagnostic | None:
    """`given 3 support_call on ...`."""
    if place.chunk.begins != "test" or place.fits != {"NUMBER", "WITH"}:
        return None
    example = "for example 5 days ago"
    return errors.missing(place.source, place.span, "a time", "time", place.before[-1].text, example)


def no_expect(place: Place) -> Diagnostic | None:
    if "_EXPECT" not in place.fits or (place.word.isidentifier() and meant(place.word, place.fits)):
        return None
    return errors.missing_word(place.source, place.span, "expect", "for example expect offer premium")


def no_comparison(place: Place) -> Diagnostic | None:
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


def no_moment(place: Place) -> Diagnostic | None:
    kind = place.chunk.begins
    if "ON" not in place.fits or kind not in ("rule", "test") or any(piece.word == "on" for piece in place.before):
        return None
    if kind == "rule" and place.word and place.word not in RESERVED and meant(place.word, {"WAS"} & place.fits):
        return None
    if kind == "test" and place.word not in ("expect", ""):
        return None
    return errors.missing_moment_word(place.source, place.span, kind)


def no_where(place: Place) -> Diagnostic | None:
    """`on birthday tenure > 12 offer premium`."""
    if "_WHERE" not in place.fits or "OFFER" not in place.fits or not place.here:
        return None
    begins_condition = place.word in ("not", "has", "count", "sum", "usage", "any", "no", "was", "accepted", "(")
    if begins_condition or (place.behind and place.here.text[0].isalpha() and place.behind.word in _TESTING):
        return errors.missing_where(place.source, place.span)
    return None


def forgotten_condition(place: Place) -> Diagnostic | None:
    """`where tenure > 12 and priority 10`: a word that begins the next part was read as an attribute."""
    asked, read = place.previous(2), place.previous()
    if asked not in _JOINING | _COMPARING or read in RESERVED or not read.isidentifier() or len(read) > 12:
        return None
    if read in CLAUSES or closest(read, ("offer", "split", "untag", "priority", "budget")):
        what, code = ("a condition", "condition") if asked in _JOINING else ("a value", "value")
        return errors.missing(place.source, place.before[-1].span, what, code, place.before[-2].text, None)
    return None


# --- what is missing or misspelt -------------------------------------------------------------------------------------


def misspelt(place: Place) -> Diagnostic | None:
    if not place.here or not place.word.isidentifier() or place.word in RESERVED:
        return None
    word = meant(place.word, place.fits)
    return errors.unknown_keyword(place.source, place.span, word) if word and word != place.word else None


def missing(place: Place) -> Diagnostic | None:
    two = f"{place.previous(2)} {place.previous()}"
    after = two if two in _TOGETHER else place.before[-1].text if place.before else ""
    for words, terminal, what, code, example in _FOLLOWS:
        if terminal in place.fits and (place.previous() in words or two.replace(" ", "_") in words):
            return errors.missing(place.source, place.span, what, code, after, example)
    return None


def only_one_fits(place: Place) -> Diagnostic | None:
    """`worth $5 per week` without anything else possible than one word."""
    words = spellings(place.fits)
    if len(words) != 1 or not place.fits <= SPELLINGS.keys():
        return None
    return errors.missing_word(place.source, place.span, words[0], _EXAMPLES.get(words[0]))


def reserved(place: Place) -> Diagnostic | None:
    if place.word in RESERVED and place.fits & {"NAME", "PATH"}:
        return errors.reserved_word(place.source, place.span)
    return None


def ago(place: Place) -> Diagnostic | None:
    if "AGO" not in place.fits:
        return None
    if place.previous(3) == "than":
        return errors.missing_ago(place.source, place.span)
    return errors.missing_word(place.source, place.span, "ago", "for example 5 days ago")
