"""What messages may use of the template language, its limits, and its error: for those who need no more of it.

The language itself (`templates`) is a library that takes longer to import than most processes ever need it.
"""

from __future__ import annotations

MOST_CHARACTERS = 64_000

TAGS = ("assign", "capture", "case", "comment", "doc", "for", "break", "continue", "cycle", "echo", "if", "unless")
LIBRARY_FILTERS = (
    "abs",
    "at_least",
    "at_most",
    "capitalize",
    "ceil",
    "default",
    "divided_by",
    "downcase",
    "escape",
    "first",
    "floor",
    "last",
    "lstrip",
    "minus",
    "modulo",
    "plus",
    "remove",
    "round",
    "rstrip",
    "size",
    "slice",
    "squish",
    "strip",
    "strip_html",
    "strip_newlines",
    "truncate",
    "truncatewords",
    "upcase",
    "url_encode",
)
OWN_FILTERS = ("append", "date", "join", "prepend", "replace", "times")
FILTERS = tuple(sorted((*LIBRARY_FILTERS, *OWN_FILTERS)))


class RenderingFailed(Exception):
    """The message cannot be written with these values."""
