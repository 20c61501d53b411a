"""The command `carpe` in a process of its own, forked from one that has read the code and the grammar already."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import alembic.command  # noqa: F401 - commands that make a database import it, and every fork would anew

import dsl.templates  # noqa: F401 - and those that read messages import this
from dsl.parser import parse
from dsl.source import Source
from engine.cli.main import main

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.command"])
PATIENCE = 120
"""Seconds after which a command is given up; nothing waits for them."""

parse(Source("warm.rules", "on birthday tag warm"))  # the first parse builds the machine


def carpe(folder: Path, *arguments: str, told: str = "", patience: int = PATIENCE) -> subprocess.CompletedProcess[str]:
    """Runs `carpe` in a folder, `told` on its standard input, and checks what holds for every command."""
    with tempfile.TemporaryDirectory() as place:
        streams = Path(place)
        (streams / "0").write_text(told)
        process = FORKS.Process(target=_run, args=(folder, arguments, streams))
        process.start()
        process.join(patience)
        process.kill()
        process.join()
        assert process.exitcode is not None
        out, err = ((streams / name).read_text() for name in "12")
    assert "Traceback" not in err + out, err
    return subprocess.CompletedProcess(arguments, process.exitcode, out, err)


def _run(folder: Path, arguments: tuple[str, ...], streams: Path) -> None:
    """In the fork: become the command."""
    for number, mode in enumerate(("r", "w", "w")):
        with open(streams / str(number), mode) as stream:
            os.dup2(stream.fileno(), number)
    sys.stdin = open(0)  # noqa: SIM115 - it is this process's to its end
    os.chdir(folder)
    os.environ["NO_COLOR"] = "1"
    sys.argv = ["carpe", *arguments]
    main()
