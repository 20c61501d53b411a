"""Writes carpe.tmLanguage.json, the colours of rules in editors, from the language's own grammar.

Run it after a change of dsl/grammar.lark: `.venv/bin/python frontend/vscode/make_grammar.py`; a test tells when it was
forgotten.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from dsl.parser import grammar

TARGET = Path(__file__).with_name("carpe.tmLanguage.json")

_KEYWORD = re.compile(r"^(_?[A-Z][A-Z_]*)\.\d: /(.+)/i$", re.MULTILINE)
_LITERAL = re.compile(r"^(NUMBER|PERCENT|DOLLARS|DATE|CURRENCY)(?:\.\d)?: /(.+)/$", re.MULTILINE)
_SCOPES = {
    "keyword.declaration": ("RULE", "SEGMENT", "TEST", "WAS"),
    "keyword.control": (
        "ON",
        "_WHERE",
        "OFFER",
        "_BEST_OF",
        "SAY",
        "TAG",
        "UNTAG",
        "CALL",
        "SPLIT",
        "_GIVEN",
        "_EXPECT",
    ),
    "keyword.operator.logical": ("_AND", "_OR", "NOT"),
    "constant.other.unit": ("UNIT",),
}


def keywords() -> dict[str, str]:
    """The pattern of every word of the language by its name in the grammar."""
    return dict(_KEYWORD.findall(grammar()))


def text_mate() -> dict[str, Any]:
    literals = dict(_LITERAL.findall(grammar()))
    numbers = "|".join(literals[name] for name in ("DATE", "DOLLARS", "PERCENT", "NUMBER"))
    return {
        "$schema": "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json",
        "name": "Carpe rules",
        "scopeName": "source.carpe",
        "fileTypes": ["rules"],
        "patterns": [
            {"name": "comment.line.number-sign.carpe", "match": "#.*$"},
            {
                "name": "string.quoted.double.carpe",
                "begin": '"',
                "end": '"|$',
                "patterns": [
                    {"name": "constant.character.escape.carpe", "match": r'\\[\\"]'},
                    {"name": "variable.other.template.carpe", "match": r"\{\{[^}\n]*\}\}|\{%[^%\n]*%\}"},
                ],
            },
            {
                "match": r"(?i)\b(rule|segment)\s+([a-z]\w*)",
                "captures": {
                    "1": {"name": "keyword.declaration.carpe"},
                    "2": {"name": "entity.name.function.carpe"},
                },
            },
            {"name": "constant.numeric.carpe", "match": rf"(?<![\w.])(?:{numbers})"},
            *_words(),
            {"name": "keyword.operator.carpe", "match": "<=|>=|!=|[=<>+*/-]"},
            {"name": "support.type.owner.carpe", "match": r"(?i)\b(?:customer|subscription|event)(?=\.)"},
        ],
    }


def _words() -> list[dict[str, str]]:
    """Patterns of words, those of several words first: `at most` before `at`."""
    scope_of = {terminal: scope for scope, terminals in _SCOPES.items() for terminal in terminals}
    patterns: dict[str, list[str]] = {}
    for terminal, pattern in sorted(keywords().items(), key=lambda each: (-len(each[1]), each[0])):
        scope = scope_of.get(terminal, "keyword.other")
        kind = "phrase" if "\\s+" in pattern else "word"
        patterns.setdefault(f"{scope}.{kind}", []).append(pattern)
    ordered = sorted(patterns.items(), key=lambda each: (each[0].endswith("word"), each[0]))
    return [
        {"name": f"{scope.rpartition('.')[0]}.carpe", "match": rf"(?i)\b(?:{'|'.join(some)})"}
        for scope, some in ordered
    ]


def written() -> str:
    return json.dumps(text_mate(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    TARGET.write_text(written(), encoding="utf-8")
