"""Days that are ordered, one or several, and a rule that is tried again, as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.cli.deciding_bar import Lines
from tests.command import carpe

CUSTOMERS = """id,first_name,country,date_of_birth,marketing_ok
c1,Ada,GB,1984-03-15,yes
c2,Zoé,FR,1991-03-14,yes
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("passes")
    (folder / "customers.csv").write_text(CUSTOMERS)
    for arguments in (("init",), ("import", "customers", "customers.csv")):
        assert carpe(folder, *arguments).returncode == 0
    for path in (folder / "rules").glob("*.rules"):
        path.unlink()
    (folder / "rules" / "one.rules").write_text(
        'rule wishes on birthday where first_name = "Ada" say "Hi" via in_app\n'
    )
    return folder


def test_several_days_are_as_many_passes_and_none_is_done_twice(place: Path):
    arguments = ("run", "--from", "2026-03-13", "--to", "2026-03-16", "--json")
    told = json.loads(carpe(place, *arguments).stdout)
    assert [(each["as_of"], each["due"]) for each in told["passes"]] == [
        ("2026-03-13", 0),
        ("2026-03-14", 1),
        ("2026-03-15", 1),
        ("2026-03-16", 0),
    ]
    assert [each["due"] for each in json.loads(carpe(place, *arguments).stdout)["passes"]] == [0, 0, 0, 0]


def test_a_rule_is_tried_again_with_its_reason(place: Path):
    rules = place / "rules" / "one.rules"
    rules.write_text('rule wishes on birthday say "Hi" via in_app\n')
    done = carpe(place, "rerun", "wishes", "--as-of", "2026-03-14", "--reason", "Zoé was left out", "--json")
    assert (json.loads(done.stdout)["due"], json.loads(done.stdout)["offered"]) == (1, 1)
    again = carpe(place, "rerun", "wishes", "--as-of", "2026-03-14", "--reason", "once more")
    assert again.returncode == 0
    assert "0 matched" in again.stdout
    found = json.loads(carpe(place, "decisions", "--customer", "c2", "--json").stdout)
    assert [each["result"] for each in found] == ["said"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("run", "--from", "2026-03-16"), "--from and --to go together"),
        (("run", "--from", "2026-03-16", "--to", "2026-03-15"), "--to 2026-03-15 lies before --from 2026-03-16."),
        (("run", "--from", "2024-03-16", "--to", "2026-03-15"), "730 days are more than one run takes"),
        (("run", "--as-of", "2026-03-15", "--from", "2026-03-16", "--to", "2026-03-17"), "give one or the other"),
        (("rerun", "wishes", "--reason", "because"), "Say which day with --as-of"),
        (("rerun", "wishes", "--as-of", "2026-03-15", "--reason", " "), "Say why with --reason"),
        (("rerun", "wishs", "--as-of", "2026-03-15", "--reason", "because"), "did you mean wishes?"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(place: Path, arguments: tuple[str, ...], sentence: str):
    done = carpe(place, *arguments)
    assert done.returncode == 2
    assert sentence in done.stderr


def test_a_pass_with_nothing_to_do_says_so(place: Path):
    carpe(place, "run")
    done = carpe(place, "run")
    assert done.returncode == 0
    assert done.stdout.startswith("Nothing was due.")


def test_a_long_pass_that_nobody_watches_tells_now_and_then_how_far_it_is():
    said: list[str] = []
    lines = Lines(said.append)
    for done, seconds in ((0, 0.1), (1, 6.0), (2, 11.0), (3, 12.0), (8, 40.0), (16, 80.0)):
        lines.tell(done, 16, done * 1000, seconds)
    assert said == [
        "Deciding: 2 of 16 batches, 2,000 moments met, 182/s, about 77 s left.",
        "Deciding: 8 of 16 batches, 8,000 moments met, 200/s, about 40 s left.",
    ]
