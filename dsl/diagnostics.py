"""What is wrong with a text, as values: nothing in `dsl` raises because of what a user wrote."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dsl.source import Source, Span


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Fix:
    """A safe edit: replace `span` by `text`."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `code` is primary and stable (kebab-case, e.g. `unknown-moment`); the wording may change.

    `message` says what is wrong in one sentence, `hint` what to try.
    """

    code: str
    severity: Severity
    message: str
    source: Source
    span: Span
    hint: str | None = None
    fix: Fix | None = None

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR

    def render(self) -> str:
        """Several lines for a terminal: place, sentence, the line with a caret under the span, the hint."""
        at = self.source.position(self.span.start)
        line = self.source.line(at.line)
        width = max(1, min(self.span.end - self.span.start, len(line) - at.column + 1))
        gutter = f"{at.line:>5} | "
        shown = line.replace("\t", " ")
        parts = [
            f"{self.source.path}:{at.line}:{at.column}: {self.severity}: {self.message} [{self.code}]",
            gutter + shown,
            " " * (len(gutter) - 2) + "| " + " " * (at.column - 1) + "^" * width,
        ]
        if self.hint:
            parts.append(f"        hint: {self.hint}")
        return "\n".join(parts)

    def to_json(self) -> dict[str, Any]:
        start, end = self.source.position(self.span.start), self.source.position(self.span.end)
        return {
            "code": self.code,
            "severity": str(self.severity),
            "message": self.message,
            "hint": self.hint,
            "file": self.source.path,
            "line": start.line,
            "column": start.column,
            "end_line": end.line,
            "end_column": end.column,
        }
