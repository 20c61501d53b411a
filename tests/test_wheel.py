"""The wheel: built from what git tracks, installed in a fresh environment, run from another directory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.wheel

ROOT = Path(__file__).resolve().parents[1]


def run(*command: str | Path, cwd: Path) -> str:
    """What the command printed; fails with all of it where the command does. Without settings of our own."""
    ours = ("CARPE_", "PYTHON", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    parts = [str(part) for part in command]
    done = subprocess.run(parts, cwd=cwd, env=kept, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that neither an old build nor an untracked file gets in."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for path in run("git", "ls-files", cwd=ROOT).splitlines():
        if (ROOT / path).is_file():
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, source / path)
    run(sys.executable, "-m", "build", "--wheel", "--outdir", out, source, cwd=out)
    return next(out.glob("carpe-*.whl"))


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a fresh virtual environment that holds the wheel and what it asks for."""
    place = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", place, cwd=place)
    run(place / "bin" / "pip", "--quiet", "--disable-pip-version-check", "install", wheel, cwd=place)
    return place / "bin"


def test_it_holds_the_packages_and_their_data_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    top = {name.partition("/")[0] for name in names}
    meta = {name for name in top if name.startswith("carpe-")}
    assert top - meta == {"dsl", "engine", "web", "migrations"}
    inside = {name.partition("/data/")[2] for name in names if ".data/data/" in name}
    tracked = run("git", "ls-files", "rules", cwd=ROOT).splitlines()
    assert inside == {f"share/carpe/{path}" for path in tracked}
    for needed in (
        "dsl/grammar.lark",
        "dsl/codes/1_sentences.md",
        "dsl/codes/catalog.yaml",
        "migrations/script.py.mako",
        "web/static/",
        "web/templates/",
    ):
        assert any(name.startswith(needed) for name in names), needed
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_every_tracked_file_of_the_packages_is_in_it(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    tracked = run("git", "ls-files", "dsl", "engine", "web", "migrations", cwd=ROOT).splitlines()
    assert set(tracked) <= names


def test_the_example_ruleset_is_found_elsewhere(environment: Path, tmp_path: Path) -> None:
    code = "from engine.demo.example_rules import example_rules_folder as f; print(f())"
    folder = Path(run(environment / "python", "-c", code, cwd=tmp_path).strip())
    assert folder == environment.parent / "share" / "carpe" / "rules"
    assert (folder / "catalog.yaml").read_bytes() == (ROOT / "rules" / "catalog.yaml").read_bytes()
    assert " 0 errors" in run(environment / "carpe", "check", folder, cwd=tmp_path)


def test_the_tour_runs_elsewhere(environment: Path, tmp_path: Path) -> None:
    told = run(environment / "carpe", "demo", "--once", cwd=tmp_path)
    assert "offered" in told
    assert "room_to_grow" in told


def test_a_new_ruleset_runs_elsewhere(environment: Path, tmp_path: Path) -> None:
    run(environment / "carpe", "init", cwd=tmp_path)
    assert " 0 errors" in run(environment / "carpe", "check", cwd=tmp_path)
    assert "due" in run(environment / "carpe", "run", "--as-of", "2026-03-15", cwd=tmp_path)
