"""`carpe check --fix`, `--sarif`, `carpe fmt` and `carpe help`: what they print, what they write, how they end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from language import CATALOG

from dsl.codes.pages import pages
from engine.cli.main import cli
from engine.errors import CarpeError

BROKEN = "on billing_anniversry where tenur>12 and plan == premuim offer premium\n"
MENDED = "on billing_anniversary where tenure>12 and plan = premium offer premium\n"
LAID_OUT = "on billing_anniversary where tenure > 12 months and plan = premium offer premium\n"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    (tmp_path / "catalog.yaml").write_text(CATALOG)
    (tmp_path / "a.rules").write_text(BROKEN)
    return tmp_path


def carpe(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(each) for each in arguments])


# --- fixes ------------------------------------------------------------------------------------------------------------


def test_everything_that_is_safe_is_mended_at_once(rules: Path) -> None:
    done = carpe("check", rules, "--fix")
    assert done.exit_code == 0, done.output
    assert (rules / "a.rules").read_text() == MENDED
    assert "a.rules:1: billing_anniversry became billing_anniversary [unknown-moment]" in done.output
    assert "a.rules:1: == became = [unexpected-symbol]" in done.output
    assert "1 rule is right; 0 errors" in done.output


def test_what_is_not_certain_is_left_alone(rules: Path) -> None:
    text = "on billing_anniversary where country = Germany offer premium\n"
    (rules / "a.rules").write_text(text)
    done = carpe("check", rules, "--fix")
    assert done.exit_code == 1
    assert (rules / "a.rules").read_text() == text


def test_nothing_is_written_without_fix(rules: Path) -> None:
    assert carpe("check", rules).exit_code == 1
    assert (rules / "a.rules").read_text() == BROKEN


@pytest.mark.parametrize("command", [("check", "--fix"), ("fmt",)])
def test_bytes_that_are_no_text_are_never_lost(rules: Path, command: tuple[str, ...]) -> None:
    content = b'on birthday wher autopay say "caf\xe9"\n\non birthday  say "caf\xe9"\n'
    (rules / "a.rules").write_bytes(content)
    done = carpe(command[0], rules, *command[1:])
    assert "is not UTF-8 (byte 34)" in str(done.exception)
    assert (rules / "a.rules").read_bytes() == content


# --- SARIF ------------------------------------------------------------------------------------------------------------


def test_sarif_says_where_what_and_how_to_mend_it(rules: Path) -> None:
    done = carpe("check", rules, "--sarif")
    assert done.exit_code == 1
    log = json.loads(done.output)
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    (result,) = run["results"]
    described = run["tool"]["driver"]["rules"][result["ruleIndex"]]
    assert described["id"] == result["ruleId"] == "unexpected-symbol"
    assert described["shortDescription"]["text"] == pages()["unexpected-symbol"].meaning
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "a.rules"
    assert place["region"] == {"startLine": 1, "startColumn": 47, "endLine": 1, "endColumn": 49}
    (change,) = result["fixes"][0]["artifactChanges"]
    assert change["replacements"] == [{"deletedRegion": place["region"], "insertedContent": {"text": "="}}]


def test_sarif_of_a_folder_without_findings(rules: Path) -> None:
    (rules / "a.rules").write_text(MENDED)
    done = carpe("check", rules, "--sarif")
    assert done.exit_code == 0
    assert json.loads(done.output)["runs"][0]["results"] == []


def test_one_format_at_a_time(rules: Path) -> None:
    assert carpe("check", rules, "--sarif", "--json").exit_code == 2


# --- fmt --------------------------------------------------------------------------------------------------------------


def test_a_folder_is_formatted_once(rules: Path) -> None:
    (rules / "a.rules").write_text(MENDED)
    before = carpe("fmt", rules, "--check")
    assert before.exit_code == 1
    assert "would format" in before.output
    assert (rules / "a.rules").read_text() == MENDED
    assert carpe("fmt", rules).exit_code == 0
    assert (rules / "a.rules").read_text() == LAID_OUT
    after = carpe("fmt", rules, "--check")
    assert after.exit_code == 0
    assert after.output == "1 file is formatted.\n"


def test_one_file_uses_the_catalog_beside_it(rules: Path) -> None:
    (rules / "a.rules").write_text(MENDED)
    (rules / "b.rules").write_text(MENDED)
    assert carpe("fmt", rules / "a.rules").exit_code == 0
    assert (rules / "a.rules").read_text() == LAID_OUT
    assert (rules / "b.rules").read_text() == MENDED


def test_a_diff_writes_nothing(rules: Path) -> None:
    (rules / "a.rules").write_text(MENDED.rstrip())
    done = carpe("fmt", rules, "--diff")
    assert done.exit_code == 0
    assert f"+{LAID_OUT}" in done.output
    assert "\\ No newline at end of file" in done.output
    assert (rules / "a.rules").read_text() == MENDED.rstrip()
    assert carpe("fmt", rules, "--diff", "--check").exit_code == 1


def test_what_is_broken_stays(rules: Path) -> None:
    assert carpe("fmt", rules).exit_code == 0
    assert (rules / "a.rules").read_text() == BROKEN


def test_only_rules_are_formatted(rules: Path) -> None:
    assert isinstance(carpe("fmt", rules / "catalog.yaml").exception, CarpeError)
    assert isinstance(carpe("fmt", rules / "no.rules").exception, CarpeError)


# --- help -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", pages())
def test_help_prints_the_page(code: str) -> None:
    done = carpe("help", code)
    assert done.exit_code == 0
    assert "Wrong" in done.output
    assert "Right" in done.output


def test_help_lists_every_code() -> None:
    listed = {line.strip() for line in carpe("help").output.splitlines()}
    assert set(pages()) <= listed


def test_help_knows_what_was_meant() -> None:
    error = carpe("help", "unknown-moments").exception
    assert "did you mean unknown-moment?" in str(error)
    assert carpe("help", "[unknown-moment]").exit_code == 0
