"""The command as a person types it: what it prints, how it ends, and never a traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.cli.main import cli
from tests.command import carpe

CUSTOMERS = """id,first_name,email,country,date_of_birth,marketing_ok
c1,Ada,ada@example.com,GB,1984-03-15,yes
c2,Olav,olav@example.com,NO,2000-02-29,no
"""
SUBSCRIPTIONS = """id,customer,plan,status,started_on,billing_interval,currency
s1,c1,basic,active,2024-01-15,month,GBP
s2,c2,standard,active,2025-12-31,month,USD
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example rules, two customers and a pass of one day."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "customers.csv").write_text(CUSTOMERS)
    (folder / "subscriptions.csv").write_text(SUBSCRIPTIONS)
    assert carpe(folder, "init").returncode == 0
    assert carpe(folder, "import", "customers", "customers.csv").returncode == 0
    assert carpe(folder, "import", "subscriptions", "subscriptions.csv").returncode == 0
    assert carpe(folder, "run", "--as-of", "2026-03-15").returncode == 0
    return folder


def test_a_second_init_changes_nothing(place: Path):
    done = carpe(place, "init")
    assert done.returncode == 0
    assert "stays as it is" in done.stdout


def test_a_second_run_decides_nothing_new(place: Path):
    done = carpe(place, "run", "--as-of", "2026-03-15", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["due"] == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "--json"),
        ("preview", "billing_anniversary_offer_premium", "--as-of", "2026-03-15", "--json"),
        ("decisions", "--json"),
        ("explain", "--rule", "billing_anniversary_offer_premium", "--subscription", "s1", "--json"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_programs_read_json(place: Path, arguments: tuple[str, ...]):
    done = carpe(place, *arguments)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found or arguments[0] == "check"  # nothing is wrong with the example


def test_decisions_and_their_receipts(place: Path):
    found = json.loads(carpe(place, "decisions", "--customer", "c1", "--json").stdout)
    won = next(each for each in found if each["result"] == "offered")
    told = carpe(place, "decisions", "--receipt", won["id"])
    assert told.returncode == 0
    assert won["offer"] in told.stdout


def test_mistakes_exit_with_one_and_show_where(place: Path, tmp_path: Path):
    catalog = (place / "rules" / "catalog.yaml").read_text()
    (tmp_path / "catalog.yaml").write_text(catalog)
    (tmp_path / "a.rules").write_text("on billing_anniversry where tenure > 12 offer premium\n")
    done = carpe(place, "check", str(tmp_path))
    assert done.returncode == 1
    assert "a.rules:1:4" in done.stdout
    assert "^^^" in done.stdout
    assert "billing_anniversary" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("check", "nowhere"), "There is no ruleset in nowhere"),
        (("run", "--database", "sqlite:///missing.db"), "There is no database at missing.db"),
        (("run", "--database", "oracle://x"), "Carpe works on SQLite and PostgreSQL"),
        (("run", "--as-of", "2026-02-30"), '"2026-02-30" is no date'),
        (("preview", "premium_aniversary"), "There is no rule called"),
        (("explain", "--rule", "billing_anniversary_offer_premium", "--subscription", "s99"), "no subscription s99"),
        (("explain", "--rule", "billing_anniversary_offer_premium"), "Say --subscription or --customer"),
        (("decisions", "--receipt", "0"), "There is no decision 0"),
        (("forget", "nobody", "--yes"), "There is no customer nobody"),
        (("demo", "--once", "--folder", "."), "holds something that is not a tour"),
        (("import", "customers", "missing.csv"), "missing.csv"),
        (("pause",), "Missing option '--reason'"),
        (("nonsense",), "No such command"),
        (("serve", "--port", "99999"), "99999"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_stands_in_the_way_is_one_sentence(place: Path, arguments: tuple[str, ...], sentence: str):
    done = carpe(place, *arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert sentence in done.stderr


def test_a_file_that_is_no_database_is_told(place: Path):
    (place / "text.db").write_text("this is no database, but it is long enough to be taken for one " * 40)
    done = carpe(place, "run", "--database", "sqlite:///text.db")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1


def test_forgetting_asks_first(place: Path):
    assert carpe(place, "forget", "c2", told="n\n").returncode == 130
    done = carpe(place, "forget", "c2", told="y\n")
    assert done.returncode == 0
    assert "is erased" in done.stdout


def test_every_command_has_help_and_an_example():
    def commands(group, path=()):
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                yield from commands(command, (*path, name))
            else:
                yield (*path, name), command

    found = dict(commands(cli))
    assert {("init",), ("check",), ("import", "customers"), ("run",), ("db", "upgrade")} <= found.keys()
    for path, command in found.items():
        assert command.help, path
        assert f"Example: carpe {' '.join(path)}" in (command.epilog or ""), path
