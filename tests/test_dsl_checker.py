"""What the checker says of mistakes, line by line, and what it makes of good sentences."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dsl.diagnostics import Diagnostic
from dsl.service import Checked, check

GOLDEN = Path(__file__).parent / "golden"
CATALOG = (GOLDEN / "catalog.yaml").read_text()
CHUNKS = GOLDEN / "checker.rules"
MARK = "  #! "


def check_text(text: str, **messages: str) -> Checked:
    files = {f"messages/{name}.txt": template for name, template in messages.items()}
    return check({"catalog.yaml": CATALOG, "a.rules": text, **files})


# --- golden chunks ----------------------------------------------------------------------------------------------------


def chunks() -> list[tuple[str, list[str]]]:
    """The titles and lines of the golden file, after its heading."""
    parts = re.split(r"^--- (.*)\n", CHUNKS.read_text(), flags=re.MULTILINE)
    return [(title, body.splitlines()) for title, body in zip(parts[1::2], parts[2::2], strict=True)]


def said(diagnostic: Diagnostic) -> str:
    caret = diagnostic.source.slice(diagnostic.span)
    hint = f" → {diagnostic.hint}" if diagnostic.hint else ""
    severity = "" if diagnostic.is_error else f"{diagnostic.severity}: "
    return f"{severity}{diagnostic.code} [{caret}] {diagnostic.message}{hint}"


def annotated(lines: list[str]) -> list[str]:
    """The lines with what is said of each."""
    bare = [line.split(MARK)[0] for line in lines]
    found: dict[int, list[str]] = {}
    for diagnostic in check_text("\n".join(bare)).diagnostics:
        line = diagnostic.source.position(diagnostic.span.start).line
        found.setdefault(line, []).append(said(diagnostic))
    return [MARK.join([line, *found.get(number, [])]) for number, line in enumerate(bare, 1)]


@pytest.mark.parametrize(("title", "lines"), chunks(), ids=lambda value: value if isinstance(value, str) else "")
def test_each_mistake_is_explained_where_it_stands(title: str, lines: list[str]) -> None:
    assert annotated(lines) == lines


def rewrite() -> None:
    heading = CHUNKS.read_text().split("---", 1)[0]
    CHUNKS.write_text(heading + "".join(f"--- {title}\n" + "\n".join(annotated(lines)) + "\n" for title, lines in chunks()))


if __name__ == "__main__":
    rewrite()
