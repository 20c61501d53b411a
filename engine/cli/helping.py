"""`carpe help CODE`: what the code of a finding means, with a wrong and a right example."""

from __future__ import annotations

from collections.abc import Mapping

import click

from dsl.codes.pages import Page, page, pages
from dsl.suggestions import closest
from engine.errors import CarpeError


@click.command(name="help", epilog="Example: carpe help unknown-moment")
@click.argument("code", required=False)
def help_command(code: str | None) -> None:
    """What the CODE of a finding means, with a wrong and a right example; without CODE, the list of all."""
    if code is None:
        click.echo(_listing())
        return
    wanted = code.strip("[]").lower()
    found = page(wanted)
    if found is None:
        near = closest(wanted, pages())
        raise CarpeError(
            f'There is no code "{code}"' + (f"; did you mean {near}?" if near else "; `carpe help` lists.")
        )
    click.echo(text_of(found))


def text_of(found: Page) -> str:
    """A page for a terminal."""
    parts = [f"{found.code}\n\n{click.wrap_text(found.meaning.replace('`', ''), 100)}"]
    parts.extend(_example("Wrong", found.wrong.shown))
    parts.extend(_example("Right", found.right.shown))
    return "\n\n".join(parts)


def _example(kind: str, files: Mapping[str, str]) -> list[str]:
    """Each file of an example under its name; a file of rules needs none."""
    found = []
    for path, text in files.items():
        name = "" if path.endswith(".rules") else f" {path}"
        lines = "\n".join(f"  {line}".rstrip() for line in text.splitlines())
        found.append(f"{kind}{name}:\n\n{lines}")
    return found


def _listing() -> str:
    lines: list[str] = []
    subject = ""
    for each in pages().values():
        if each.subject != subject:
            subject = each.subject
            lines.extend(["", subject, ""])
        lines.append(f"  {each.code}")
    return "\n".join([*lines[1:], "", "`carpe help CODE` says what one means."])
