"""Reads the help pages of codes: one section a code in the Markdown files beside this one.

    ## unknown-moment
    What it means, in a marketer's words.
    Wrong:
        on billing_anniversry offer premium
    Right:
        on billing_anniversary offer premium

An example is a small ruleset. `Wrong catalog:` and `Wrong message NAME:` give its other files; without a catalog of its
own it has that of all examples. What would be long or cannot be printed is described:
`⟨not ×45⟩` is that text 45 times, `⟨U+0000⟩` one character.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

_SECTION = re.compile(r"^## (\S+)\n(.*?)^(Wrong.*?)^(Right.*?)(?=^## |\Z)", re.M | re.S)
_FILE = re.compile(r"^(?:Wrong|Right)([^:\n]*):\n((?:    .*\n|\n)*)", re.M)
_REPEATED = re.compile(r"⟨([^⟩]*) ×(\d+)⟩|⟨U\+([0-9A-F]{4})⟩")
_NO_CATALOG = "folder without a catalog"


@dataclass(frozen=True, slots=True)
class Example:
    """The files of an example as a page shows them: `catalog.yaml`, `a.rules`, `messages/NAME.txt`."""

    shown: Mapping[str, str]
    has_catalog: bool = True

    def files(self) -> dict[str, str]:
        """The whole folder to check. A catalog of its own gets the two keys that every catalog needs."""
        folder = {path: _REPEATED.sub(_expanded, text) for path, text in self.shown.items()}
        if (own := folder.get("catalog.yaml")) is not None:
            needed = ("currency: USD\n", "timezone: UTC\n")
            return folder | {"catalog.yaml": "".join(key for key in needed if f"\n{key[:9]}" not in f"\n{own}") + own}
        return {"catalog.yaml": vocabulary()} | folder if self.has_catalog else folder


@dataclass(frozen=True, slots=True)
class Page:
    """`subject` is the heading that the code stands under, `meaning` plain text in which `...` marks code."""

    code: str
    subject: str
    meaning: str
    wrong: Example
    right: Example


def page(code: str) -> Page | None:
    return pages().get(code)


@cache
def pages() -> Mapping[str, Page]:
    """Every page by its code, in the order of the files."""
    folder = resources.files("dsl.codes")
    names = sorted(each.name for each in folder.iterdir() if each.name.endswith(".md"))
    texts = [folder.joinpath(name).read_text("utf-8") for name in names]
    return {each.code: each for text in texts for each in _read(text)}


@cache
def vocabulary() -> str:
    """The catalog of the examples that have none of their own."""
    return resources.files("dsl.codes").joinpath("catalog.yaml").read_text("utf-8")


def _read(text: str) -> Iterator[Page]:
    subject = text.split("\n", 1)[0].removeprefix("# ")
    for code, meaning, wrong, right in _SECTION.findall(text):
        yield Page(code, subject, " ".join(meaning.split()), _example(wrong), _example(right))


def _example(text: str) -> Example:
    shown: dict[str, str] = {}
    has_catalog = True
    for kind, body in _FILE.findall(text):
        lines = "".join(line[4:] or "\n" for line in body.rstrip("\n").splitlines(keepends=True)) + "\n"
        words = kind.split()
        has_catalog = has_catalog and kind.strip() != _NO_CATALOG
        shown[_path(words)] = lines
    return Example(shown, has_catalog)


def _path(words: list[str]) -> str:
    if words[:1] == ["message"]:
        return f"messages/{words[1]}.txt"
    return "catalog.yaml" if words == ["catalog"] else "a.rules"


def _expanded(match: re.Match[str]) -> str:
    text, times, character = match.groups()
    return chr(int(character, 16)) if character else f"{text}{'' if text.endswith(('[', ']')) else ' '}" * int(times)
