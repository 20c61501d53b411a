"""`carpe import` and `carpe db upgrade` as a user types them: what they print and with which code they end."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from engine.cli.main import main

MAPPING = "attributes: {id: who, satisfaction: score}\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a ruleset and nothing else; commands run in it."""
    (tmp_path / "rules").mkdir()
    shutil.copy(Path(__file__).parent / "mappings" / "shop_catalog.yaml", tmp_path / "rules" / "catalog.yaml")
    monkeypatch.chdir(tmp_path)
    for name in ("CARPE_DATABASE", "CARPE_RULES"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


class Carpe:
    """Runs the command as the console script does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch, self.capsys = monkeypatch, capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        self.monkeypatch.setattr(sys, "argv", ["carpe", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = self.capsys.readouterr()
        return int(ended.value.code or 0), out, err


@pytest.fixture
def carpe(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Carpe:
    return Carpe(monkeypatch, capsys)


def test_upgrade_makes_a_database_and_says_when_there_is_one(here: Path, carpe: Carpe) -> None:
    assert carpe("db", "upgrade") == (0, "Made the database at version 0003.\n", "")
    assert (here / "carpe.db").is_file()
    assert carpe("db", "upgrade") == (0, "The database is at version 0003 already.\n", "")


def test_an_import_from_beginning_to_end(here: Path, carpe: Carpe) -> None:
    carpe("db", "upgrade")
    (here / "map.yaml").write_text(MAPPING)
    (here / "crm.csv").write_text("who,score\na,1\nb,2\n")
    command = ("import", "customers", "crm.csv", "--map", "map.yaml")
    code, out, _ = carpe(*command, "--dry-run")
    assert (code, out.splitlines()[0]) == (0, "2 rows of crm.csv: would be 2 new, 0 changed, 0 unchanged, 0 refused.")
    code, out, _ = carpe(*command)
    assert (code, out.splitlines()[0]) == (0, "2 rows of crm.csv: 2 new, 0 changed, 0 unchanged, 0 refused.")
    code, out, _ = carpe(*command)
    assert (code, out.splitlines()[0]) == (0, "2 rows of crm.csv: 0 new, 0 changed, 2 unchanged, 0 refused.")


def test_refused_rows_end_with_one_and_a_rejects_file(here: Path, carpe: Carpe) -> None:
    carpe("db", "upgrade")
    (here / "crm.csv").write_text("id,satisfaction,shoe\na,1,\nb,lots,\n")
    code, out, _ = carpe("import", "customers", "crm.csv")
    assert code == 1
    assert "1 new, 0 changed, 0 unchanged, 1 refused" in out
    assert "satisfaction: is not a number (1 row)" in out
    assert "left out: shoe" in out
    assert (here / "crm.csv.rejects.csv").read_text().splitlines()[1] == "3,satisfaction,lots,is not a number"
    code, out, _ = carpe("import", "customers", "crm.csv", "--rejects", "bad.csv", "--json")
    report = json.loads(out)
    assert code == 1
    assert (report["unchanged"], report["refused"], report["rejects"]) == (1, 1, "bad.csv")
    assert (here / "bad.csv").is_file()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("import", "customers", "none.csv"), "none.csv cannot be read: No such file or directory."),
        (("import", "customers", "crm.csv", "--map", "none.yaml"), "none.yaml cannot be read"),
        (("import", "customers", "crm.csv", "--rules", "elsewhere"), "no ruleset in elsewhere"),
        (("import", "customers", "crm.csv", "--database", "sqlite:///none.db"), "`carpe init` or `carpe db upgrade`"),
        (("import", "subscriptions", "crm.csv"), "nothing says what customer is"),
        (("import", "customers", "crm.csv", "--format", "parquet"), "cannot be read as parquet"),
        (("import", "clients", "crm.csv"), "No such command"),
        (("db", "upgrade", "--database", "mysql://there/x"), "not on mysql"),
    ],
)
def test_what_stops_a_command_is_one_sentence(here: Path, carpe: Carpe, arguments: tuple[str, ...], says: str) -> None:
    carpe("db", "upgrade")
    (here / "crm.csv").write_text("id\na\n")
    code, out, err = carpe(*arguments)
    assert (code, out) == (2, "")
    assert says in err
    assert "Traceback" not in err


@pytest.mark.parametrize("command", ["customers", "subscriptions", "events"])
def test_help_has_an_example(carpe: Carpe, command: str) -> None:
    code, out, _ = carpe("import", command, "--help")
    assert code == 0
    assert f"Example: carpe import {command}" in out
