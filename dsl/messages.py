"""Messages: Liquid templates, one a file, with a front matter for the subject."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """A checked template: `subject` and `body` are Liquid source. `variables` are the dotted names both read."""

    name: str
    subject: str
    body: str
    variables: frozenset[str] = frozenset()
