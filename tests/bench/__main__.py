"""`python -m tests.bench [--scale S] [--json PATH] [SUBJECT ...]` prints one table and writes it as JSON.

A subject is a module `bench_SUBJECT` with `lines(scale)`: the lines of the table, one by one, its sizes those of the
issue times the scale. Nothing is asserted: a goal that is missed is said so, and peers that are not installed are left
out. The ratios are what counts, for both sides of one are measured in turns in the same run.
"""

from __future__ import annotations

import argparse
import importlib
import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.measuring import Line, machine

SUBJECTS = ("events", "batches", "indexes", "quotes", "starting", "budgets", "passes", "spark", "decisions")


def main(arguments: Sequence[str] | None = None) -> list[Line]:
    """Runs the subjects and returns their lines."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=f"all, if none is named: {', '.join(SUBJECTS)}")
    parser.add_argument("--scale", type=float, default=1.0, help="times the full sizes")
    parser.add_argument("--json", type=Path, default=Path("build/bench.json"))
    given = parser.parse_args(arguments)
    if unknown := set(given.subjects) - set(SUBJECTS):
        parser.error(f"there is no subject {', '.join(sorted(unknown))}; there are {', '.join(SUBJECTS)}")
    where = machine()
    console = Console(width=160)
    lines: list[Line] = []
    for subject in given.subjects or SUBJECTS:
        for line in importlib.import_module(f"tests.bench.bench_{subject}").lines(given.scale):
            console.print(f"[dim]{line.key}[/dim]", highlight=False)
            lines.append(line)
    console.print(_table(lines, ", ".join(f"{name} {value}" for name, value in where.items())))
    given.json.parent.mkdir(parents=True, exist_ok=True)
    told = {"machine": where, "scale": given.scale, "lines": [line.as_json() for line in lines]}
    given.json.write_text(json.dumps(told, indent=1), "utf-8")
    return lines


def _table(lines: Sequence[Line], title: str) -> Table:
    table = Table("what", "", "ratio", "beside", "goal", "", title=title)
    for line in lines:
        reached = "" if not line.goal else "[green]yes[/green]" if line.met else "[red]no[/red]"
        table.add_row(
            line.what, f"{line.value:,.4g} {line.unit}", f"{line.ratio:,.2f} x", line.beside, line.goal, reached
        )
    return table


if __name__ == "__main__":
    main()
