"""The folder of rules: noticed when it changes, saved without losing anybody's edit."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.errors import CarpeError
from engine.rulebook import Conflict, Rulebook, RulesetMissing, RulesetUnusable, digest, load, save
from tests import world

RULE = 'rule wishes on birthday say "Hello"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "catalog.yaml").write_text(world.CATALOG)
    (tmp_path / "a.rules").write_text(RULE)
    return tmp_path


def test_what_is_right_is_loaded_and_what_is_wrong_is_told(folder: Path):
    (folder / "b.rules").write_text("on birthdy say 'x'\nrule second on birthday tag vip\n")
    loaded = load(folder)
    assert loaded.ruleset is not None
    assert {each.name for each in loaded.ruleset.rules} == {"wishes", "second"}
    assert [each.source.path for each in loaded.errors] == ["b.rules"]


def test_the_same_texts_have_the_same_digest(folder: Path):
    first, again = load(folder).ruleset, load(folder).ruleset
    (folder / "a.rules").write_text(RULE + "# a remark\n")
    changed = load(folder).ruleset
    assert first is not None
    assert again is not None
    assert changed is not None
    assert first.digest == again.digest != changed.digest


def test_without_a_catalog_there_is_no_ruleset(tmp_path: Path):
    with pytest.raises(RulesetMissing, match="There is no ruleset in"):
        load(tmp_path)


def test_a_rulebook_notices_changes_and_runs_the_last_good_catalog(folder: Path):
    book = Rulebook(folder)
    assert len(book.good().rules) == 1
    (folder / "b.rules").write_text("rule second on birthday tag vip\n")
    assert len(book.good().rules) == 2
    (folder / "catalog.yaml").write_text("currency: [")
    assert book.current().ruleset is None
    assert len(book.good().rules) == 2
    with pytest.raises(RulesetUnusable, match="cannot be used"):
        Rulebook(folder).good()


def test_saving_is_refused_when_the_file_is_not_what_was_read(folder: Path):
    read = digest(RULE)
    theirs = RULE.replace("Hello", "Good day")
    save(folder, "a.rules", theirs, read)
    with pytest.raises(Conflict) as conflict:
        save(folder, "a.rules", RULE.replace("Hello", "Hi"), read)
    assert conflict.value.current == theirs
    assert "Hi" in conflict.value.yours
    assert (folder / "a.rules").read_text() == theirs


def test_saving_what_is_there_already_is_no_conflict(folder: Path):
    save(folder, "a.rules", RULE, "of something else")
    assert (folder / "a.rules").read_text() == RULE


def test_a_new_file_must_be_new(folder: Path):
    save(folder, "new.rules", RULE, "")
    with pytest.raises(Conflict):
        save(folder, "new.rules", "something else", "")


def test_line_ends_are_unix_and_the_mode_stays(folder: Path):
    os.chmod(folder / "a.rules", 0o640)
    save(folder, "a.rules", "# one\r\n# two\r\n", digest(RULE))
    assert (folder / "a.rules").read_bytes() == b"# one\n# two\n"
    assert (folder / "a.rules").stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in folder.iterdir()) == ["a.rules", "catalog.yaml"]


@pytest.mark.parametrize(
    "name", ["../a.rules", "/etc/x.rules", "a.txt", "A.rules", "sub/a.rules", ".rules", "a.rules\n"]
)
def test_no_other_file_can_be_written(folder: Path, name: str):
    with pytest.raises(CarpeError, match="no name for a rule file"):
        save(folder, name, RULE, "")


def test_bytes_that_are_no_text_are_told_not_raised(folder: Path):
    (folder / "b.rules").write_bytes(b'rule x on birthday say "\xff\xfe"\n\x00')
    assert load(folder).errors
