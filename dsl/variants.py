"""Variants of a message: other words for a channel, for a language, or for both.

    variants:
      in_app: {body: "One tap, and never think of a bill again."}
      de: {subject: "Nie mehr an Rechnungen denken", body: "..."}
      email de: {subject: "..."}

What a variant does not say, the message itself says. The most particular one that fits is taken: channel and language,
then language, then channel. A language fits a locale that begins with it: `de` fits de-AT.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from dsl.source import Span

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*")


@dataclass(frozen=True, slots=True)
class Variant:
    """`words` are the key's, lower case: a channel, a language or one of each. None is what the message itself says."""

    words: tuple[str, ...]
    subject: str | None
    body: str | None
    span: Span = field(default=Span(0, 0), compare=False, repr=False)


def is_language(word: str) -> bool:
    """Shaped like a language tag (BCP 47): `de`, `pt-br`."""
    return _LANGUAGE.fullmatch(word) is not None


def unknown_word(variant: Variant, channels: Collection[str]) -> str | None:
    """The first word of a variant's key that is neither a channel nor a language."""
    return next((word for word in variant.words if word not in channels and not is_language(word)), None)


def fitting(variants: Iterable[Variant], channel: str | None, locale: str | None) -> Variant | None:
    """The variant for a channel and a customer's locale (`de_AT` is `de-at`), or None for the message itself."""
    spoken = (locale or "").lower().replace("_", "-")
    ranked = [(rank, variant) for variant in variants if (rank := _rank(variant, channel, spoken)) is not None]
    return max(ranked, key=lambda each: each[0])[1] if ranked else None


def _rank(variant: Variant, channel: str | None, spoken: str) -> tuple[int, int] | None:
    """How particular a variant that fits is: by how long a language it asks for, then by its channel."""
    languages = [word for word in variant.words if word != channel]
    if any(not (spoken == word or spoken.startswith(f"{word}-")) for word in languages):
        return None
    return max(map(len, languages), default=0), len(variant.words) - len(languages)
