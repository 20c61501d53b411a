"""`carpe fmt`: every rule in the one layout."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from dsl.catalog import Catalog
from dsl.files import read_folder_catalog
from dsl.folder import RULES
from dsl.formatter import format_source
from dsl.source import Source
from engine.config import Settings
from engine.errors import CarpeError
from engine.rule_files import digest, read_files, save


@dataclass(frozen=True, slots=True)
class _Formatted:
    """A file of rules before and after."""

    folder: Path
    name: str
    before: str
    after: str

    @property
    def path(self) -> Path:
        return self.folder / self.name

    def diff(self) -> str:
        before, after = _lines(self.before), _lines(self.after)
        return "".join(difflib.unified_diff(before, after, str(self.path), f"{self.path} (formatted)"))


@click.command(name="fmt", epilog="Example: carpe fmt rules --check")
@click.argument("places", nargs=-1, metavar="[FOLDER|FILES]", type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Write nothing; exit 1 where a file is not formatted.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change.")
@click.pass_context
def format_command(ctx: click.Context, places: tuple[Path, ...], check: bool, diff: bool) -> None:
    """Lay out rules in the one way, comments kept: all of FOLDER (default: rules), or some FILES of a folder.

    A declaration that cannot be read stays as it is. With the folder's catalog, bare numbers beside elapsed times get
    their unit; without a usable one, they are left alone.
    """
    done = [each for place in places or (Settings.from_environment().rules,) for each in _formatted(place)]
    changed = [each for each in done if each.before != each.after]
    for each in changed:
        if not check and not diff:
            save(each.folder, each.name, each.after, digest(each.before))
        click.echo(each.diff() if diff else f"{'would format' if check else 'formatted'} {each.path}", nl=not diff)
    if not diff:
        click.echo(_summary(len(done), len(changed), check))
    ctx.exit(1 if check and changed else 0)


def _formatted(place: Path) -> Iterator[_Formatted]:
    if not place.exists():
        raise CarpeError(f"There is no {place}.")
    folder = place if place.is_dir() else place.parent
    files = read_files(folder)
    catalog = read_folder_catalog(files).catalog
    names = sorted(files) if place.is_dir() else [place.name]
    for name in names:
        if name.endswith(RULES):
            yield _one(folder, name, files, catalog)
        elif not place.is_dir():
            raise CarpeError(f"{place} is no file of rules: those end in {RULES}.")


def _one(folder: Path, name: str, files: dict[str, str], catalog: Catalog | None) -> _Formatted:
    before = files[name]
    return _Formatted(folder, name, before, format_source(Source(name, before), catalog))


def _lines(text: str) -> list[str]:
    """With line ends, and a word where the last one is absent, as `diff` says it."""
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n\\ No newline at end of file\n"
    return lines


def _summary(files: int, changed: int, check: bool) -> str:
    told = f"{changed} of {files} files {'would change' if check else 'changed'}." if changed else ""
    return told or f"{files} file{'s are' if files != 1 else ' is'} formatted."
