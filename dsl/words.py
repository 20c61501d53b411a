"""The words of the language: which are reserved, how they are called in messages, and what a misspelt one may mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dsl.suggestions import closest

# Words shorter than this are too near to too much, longer ones to nothing.
_SHORTEST, _LONGEST = 3, 30

# No declared name may be one of these. `grammar.lark` has the same list in NAME and PATH (a test compares them).
RESERVED = frozenset(
    [
        "accepted",
        "after",
        "and",
        "any",
        "arm",
        "as",
        "at",
        "before",
        "between",
        "call",
        "contains",
        "expect",
        "for",
        "from",
        "given",
        "has",
        "in",
        "includes",
        "is",
        "last",
        "like",
        "no",
        "not",
        "offer",
        "offered",
        "on",
        "or",
        "rule",
        "say",
        "segment",
        "split",
        "tag",
        "test",
        "until",
        "untag",
        "via",
        "was",
        "where",
        "with",
        "within",
    ]
)

# Of these, the ones that also end the value side of a comparison, so that a forgotten value is noticed there. The
# others are values like any word: `country = NO`, `status = accepted`.
NEVER_VALUES = frozenset(
    [
        "and",
        "between",
        "call",
        "expect",
        "for",
        "from",
        "not",
        "offer",
        "say",
        "split",
        "tag",
        "until",
        "untag",
        "via",
        "where",
        "with",
    ]
)

# The words that begin an action, and those that begin a clause with what an author calls it.
ACTIONS = ("offer", "say", "tag", "untag", "call")
CLAUSES: Mapping[str, str] = {
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

# How the terminals of the grammar are written by an author, in the order in which a message would propose them.
SPELLINGS: Mapping[str, str] = {
    "_AND": "and",
    "_OR": "or",
    "_WHERE": "where",
    "OFFER": "offer",
    "SAY": "say",
    "TAG": "tag",
    "CALL": "call",
    "UNTAG": "untag",
    "_GIVEN": "given",
    "_EXPECT": "expect",
    "NOTHING": "nothing",
    "EQUALS": "=",
    "COMPARE": ">",
    "IS": "is",
    "_IN": "in (",
    "_BETWEEN": "between",
    "AT": "at",
    "WITH": "with",
    "_FOR": "for",
    "OFF": "off",
    "FREE": "free",
    "_PER": "per",
    "_ONCE": "once",
    "_CUSTOMERS": "customers",
    "AGO": "ago",
    "UNIT": "days",
    "BEFORE": "before",
    "AFTER": "after",
    "ON": "on",
    "_IN_LAST": "in last",
    "VIA": "via",
    "AS": "as",
    "PRIORITY": "priority",
    "WORTH": "worth",
    "FROM": "from",
    "UNTIL": "until",
    "AT_MOST": "at most",
    "BUDGET": "budget",
    "HOLD_OUT": "hold out",
    "EXPIRES": "expires after",
    "GOAL": "goal",
    "CATCH_UP": "catch up",
    "SPLIT": "split",
    "NEVER": "never",
    "WITHIN": "within",
    "WITHIN_LAST": "within last",
    "NOT": "not",
    "HAS": "has",
    "ANY": "any",
    "NO": "no",
    "WAS": "was",
    "OFFERED": "offered",
    "ACCEPTED": "accepted",
    "KNOWN": "known",
    "MISSING": "missing",
    "_TAGGED": "tagged",
    "TEXT_TEST": "contains",
    "_INCLUDES": "includes",
    "MORE_THAN": "more than",
    "LESS_THAN": "less than",
    "_BEST_OF": "best of",
    "COUNT_OF": "count of",
    "SUM_OF": "sum of",
    "LAST": "last",
    "USAGE_OF": "usage of",
    "QUOTA_OF": "quota of",
    "_OF": "of",
    "ARM": "arm",
    "RULE": "rule",
    "SEGMENT": "segment",
    "TEST": "test",
    "LPAR": "(",
    "RPAR": ")",
    "_COMMA": ",",
    "_COLON": ":",
}

# Terminals that an author may write in more ways than the one that a message proposes.
_OTHER_SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "UNIT": ("hours", "weeks", "months", "years"),
    "TEXT_TEST": ("starts with", "ends with", "like"),
}

# Words of other languages and of everyday English for words of this one.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "if": ("where",),
    "when": ("where", "on"),
    "whenever": ("on",),
    "unless": ("where",),
    "having": ("where",),
    "give": ("offer",),
    "propose": ("offer",),
    "sell": ("offer",),
    "send": ("say",),
    "tell": ("say",),
    "show": ("say",),
    "do": ("call",),
    "run": ("call",),
    "label": ("tag",),
    "equals": ("=",),
    "equal": ("=",),
    "through": ("via",),
    "over": (">", "via"),
    "under": ("<",),
    "till": ("until",),
    "to": ("until",),
    "starting": ("from",),
    "ending": ("until",),
    "expire": ("expires after",),
    "every": ("per",),
    "hold_out": ("hold out",),
    "holdout": ("hold out",),
    "but": ("and",),
    "of": ("off",),
    "exists": ("known",),
    "empty": ("missing",),
    "null": ("missing",),
    "unknown": ("missing",),
    "min": ("days",),
}


def spellings(terminals: Iterable[str]) -> list[str]:
    """How the given terminals are written, most useful first; terminals that are not words are left out."""
    wanted = set(terminals)
    return [written for terminal, written in SPELLINGS.items() if terminal in wanted]


def meant(word: str, terminals: Iterable[str]) -> str | None:
    """The word of the language, among those that fit, that `word` was probably meant to be."""
    wanted = set(terminals)
    fitting = spellings(wanted)
    for terminal in wanted & _OTHER_SPELLINGS.keys():
        fitting.extend(_OTHER_SPELLINGS[terminal])
    for synonym in SYNONYMS.get(word.lower(), ()):
        if synonym in fitting:
            return synonym
    first = {written.split()[0]: written for written in reversed(fitting)}
    close = closest(word, [*fitting, *first]) if _SHORTEST <= len(word) <= _LONGEST else None
    return first.get(close, close) if close else None
