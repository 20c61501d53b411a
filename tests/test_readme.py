"""The README is run: its console blocks marked `console run` are typed, in order, into a shell in an empty folder.

Lines that begin with `$ ` are commands (a here-document belongs to its command); the lines under a command must occur
in what it prints, in that order, spaces aside. `...` stands for any lines. A command must end with 0 unless a line
under it says `(exits with N)`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from engine.cli.main import cli

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
EXIT = re.compile(r"\(exits with (\d+)\)")


@dataclass
class Typed:
    """One command of the README and the lines that it says come of it."""

    command: str
    expected: list[str] = field(default_factory=list)
    code: int = 0


def blocks(info: str) -> list[str]:
    return re.findall(rf"^```{re.escape(info)}\n(.*?)^```$", README, re.M | re.S)


def typed(block: str) -> Iterator[Typed]:
    lines = iter(block.splitlines())
    current: Typed | None = None
    for line in lines:
        if line.startswith("$ "):
            if current:
                yield current
            current = Typed(line[2:])
            if here := re.search(r"<<'(\w+)'", line):
                for more in lines:
                    current.command += "\n" + more
                    if more == here[1]:
                        break
        elif current and (stated := EXIT.fullmatch(line)):
            current.code = int(stated[1])
        elif current and line.strip() not in ("", "..."):
            current.expected.append(line)
    if current:
        yield current


def squeezed(text: str) -> str:
    return " ".join(text.split())


def check(each: Typed, folder: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CARPE_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**kept, "PATH": path, "HOME": str(folder), "COLUMNS": "110"}
    bash = ["bash", "-c", each.command]
    done = subprocess.run(bash, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120)
    told = f"$ {each.command}\n{done.stdout}\n{done.stderr}"
    assert done.returncode == each.code, told
    said = iter(squeezed(line) for line in (done.stdout + done.stderr).splitlines())
    for line in map(squeezed, each.expected):
        assert any(line in heard for heard in said), f"not said: {line}\n\n{told}"


def test_the_readme_does_what_it_says(tmp_path: Path) -> None:
    commands = [each for block in blocks("console run") for each in typed(block)]
    assert len(commands) >= 8
    for each in commands:
        check(each, tmp_path)


def test_the_first_screen_has_the_two_commands() -> None:
    first = README.splitlines()[:40]
    assert "$ make demo" in first
    assert "$ make test" in first
    assert any("without make" in line.lower() for line in first)


def test_without_make_the_same_is_done() -> None:
    """What the Makefile runs stands in the README too, word for word."""
    for line in re.findall(r"^\t\$\(BIN\)/(ruff .*|mypy.*|pytest -m .*)$", MAKEFILE, re.M):
        assert f".venv/bin/{line}" in README, line


def test_continuous_integration_runs_the_readme_s_test_command() -> None:
    ran = [line.strip() for line in (ROOT / ".ci" / "run").read_text("utf-8").splitlines()]
    assert ran.index("make test") < ran.index("make test-all")


# --- every command is in it ------------------------------------------------------------------------------------------


def leaves(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from leaves(inner, f"{path} {name}")
    else:
        yield path, command


COMMANDS = dict(leaves(cli, "carpe"))


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_has_a_line_in_the_readme(path: str) -> None:
    assert re.search(rf"`{path}\b", README), f"the README does not mention {path}"


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_helps_with_an_example(path: str) -> None:
    told = CliRunner().invoke(cli, [*path.split()[1:], "--help"])
    assert told.exit_code == 0
    assert f"Example: {path}" in squeezed(told.output)


def test_every_command_that_the_readme_types_exists() -> None:
    for block in [*blocks("console run"), *blocks("console")]:
        for each in typed(block):
            for words in re.findall(r"(?:^|[;&|]\s*|bin/)carpe ([a-z -]+)", each.command):
                named = f"carpe {words}"
                assert any(named == path or named.startswith(path + " ") for path in COMMANDS), named
