"""The front matter of a message: YAML between dashes, with its subject and its variants (`messages`)."""

from __future__ import annotations

import re

from dsl import message_errors as errors
from dsl.catalog_shapes import Reading
from dsl.diagnostics import Diagnostic
from dsl.source import Source, Span
from dsl.variants import Variant
from dsl.yaml_reader import Node, Scalar, Table, read_yaml

_FRONT_MATTER = re.compile(r"---[ \t]*\r?\n(?P<matter>.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)

Part = tuple[Span, str]
"""A template and where it begins."""


def front_matter(source: Source) -> tuple[Part | None, tuple[Variant, ...], Part, tuple[Diagnostic, ...]]:
    """The subject, the variants, the body, and what is wrong: then the others are of no use."""
    whole = (Span(0, len(source.text)), source.text)
    if not source.text.startswith("---"):
        return None, (), whole, ()
    match = _FRONT_MATTER.match(source.text)
    if match is None:
        return None, (), whole, (errors.unclosed_front_matter(source),)
    start, end = match.span("matter")
    yaml, problems = read_yaml(Source(source.path, re.sub(r"[^\n]", " ", source.text[:start]) + source.text[start:end]))
    if yaml is None or problems:
        return None, (), whole, tuple(_moved(problem, source) for problem in problems)
    reading = Reading(source)
    fields = reading.table(yaml, "a message", ("subject", "variants"))
    variants = tuple(_variant(reading, key, node) for key, node in reading.entries(fields.get("variants"), "variants"))
    subject = fields.get("subject")
    text = reading.text(subject, "subject") if subject is not None else None
    part = (subject.span, text) if isinstance(subject, Scalar) and text is not None else None
    body = (Span(match.end(), len(source.text)), source.text[match.end() :])
    return part, variants, body, tuple(reading.diagnostics)


def _variant(reading: Reading, key: Scalar, node: Node) -> Variant:
    what = f"the variant {key.text}"
    fields = reading.table(node, what, ("subject", "body"))
    if not fields and (not node.entries if isinstance(node, Table) else isinstance(node, Scalar) and node.is_empty):
        reading.refuse(errors.empty_variant(reading.source, key.span, key.text))
    subject, body = (reading.text(fields[name], name) if name in fields else None for name in ("subject", "body"))
    return Variant(tuple(key.text.lower().split()), subject, body, Span(key.span.start, node.span.end))


def _moved(problem: Diagnostic, source: Source) -> Diagnostic:
    return Diagnostic(problem.code, problem.severity, problem.message, source, problem.span, problem.hint)
