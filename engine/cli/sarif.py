"""Diagnostics as SARIF 2.1.0, the format that code hosts and editors read.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/ - lines and columns count from 1, and a region's end column is the one
behind its last character. Columns count Unicode code points, as `columnKind` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from dsl.codes.pages import page
from dsl.diagnostics import Diagnostic, Fix, Severity
from dsl.source import Source, Span

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def sarif(diagnostics: Sequence[Diagnostic], version: str) -> dict[str, Any]:
    """One run's log. Paths are those of the diagnostics, relative to the ruleset's folder; `version` is Carpe's."""
    codes = sorted({each.code for each in diagnostics})
    driver = {
        "name": "Carpe",
        "version": version,
        "rules": [_rule(code) for code in codes],
    }
    results = [_result(each, codes.index(each.code)) for each in diagnostics]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: str) -> dict[str, Any]:
    name = "".join(part.capitalize() for part in code.split("-"))
    rule: dict[str, Any] = {"id": code, "name": name}
    if (found := page(code)) is not None:
        rule["shortDescription"] = {"text": found.meaning.replace("`", "")}
        rule["help"] = {"text": f"`carpe help {code}` shows a wrong and a right example."}
    return rule


def _result(diagnostic: Diagnostic, number: int) -> dict[str, Any]:
    message = diagnostic.message + (f"; hint: {diagnostic.hint}" if diagnostic.hint else "")
    result: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "ruleIndex": number,
        "level": _LEVELS[diagnostic.severity],
        "message": {"text": message},
        "locations": [{"physicalLocation": {**_artifact(diagnostic.source), "region": _region(diagnostic)}}],
    }
    if diagnostic.fix is not None:
        result["fixes"] = [_fix(diagnostic.source, diagnostic.fix, diagnostic.hint)]
    return result


def _artifact(source: Source) -> dict[str, Any]:
    return {"artifactLocation": {"uri": quote(source.path)}}


def _region(diagnostic: Diagnostic) -> dict[str, int]:
    return _between(diagnostic.source, diagnostic.span)


def _between(source: Source, span: Span) -> dict[str, int]:
    start, end = source.position(span.start), source.position(span.end)
    return {"startLine": start.line, "startColumn": start.column, "endLine": end.line, "endColumn": end.column}


def _fix(source: Source, fix: Fix, hint: str | None) -> dict[str, Any]:
    replacement = {"deletedRegion": _between(source, fix.span), "insertedContent": {"text": fix.text}}
    change = {**_artifact(source), "replacements": [replacement]}
    return {"description": {"text": hint or f"write {fix.text}"}, "artifactChanges": [change]}
