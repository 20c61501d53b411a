"""The folder of rules: noticed when it changes, saved without losing anybody's edit."""

from __future__ import annotations

import datetime as dt
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from threading import Event, Thread

import pytest

from dsl import service
from dsl.service import Checked
from dsl.typed import MomentUse
from engine.errors import CarpeError
from engine.plans import plans_of
from engine.rule_files import LARGEST_FILE, Conflict, RulesetMissing, digest, save
from engine.rulebook import Rulebook, RulesetUnusable, load
from tests import world

RULE = 'rule wishes on birthday say "Hello"\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CARPE_CACHE", "")
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


# --- the rules that are live -----------------------------------------------------------------------------------------


def test_a_rulebook_notices_changes_and_runs_the_last_good_catalog(folder: Path):
    book = Rulebook(folder)
    assert len(book.good().rules) == 1
    (folder / "b.rules").write_text("rule second on birthday tag vip\n")
    assert len(book.good().rules) == 2
    (folder / "catalog.yaml").write_text("currency: [")
    assert book.current().ruleset is None
    assert len(book.good().rules) == 2
    fresh = Rulebook(folder)
    with pytest.raises(RulesetUnusable, match="cannot be used"):
        fresh.good()
    assert "cannot be used" in str(fresh.trouble())
    (folder / "catalog.yaml").write_text(world.CATALOG)
    assert len(fresh.good().rules) == 2
    assert fresh.trouble() is None


def test_an_edit_with_errors_keeps_what_ran_and_says_so_once(folder: Path, caplog: pytest.LogCaptureFixture):
    book = Rulebook(folder)
    running = book.good()
    assert book.trouble() is None
    broken = RULE.replace("Hello", "Good day") + "rule a on birthdy tag vip\nrule b on birthday offer premuim\n"
    (folder / "a.rules").write_text(broken)
    assert book.good() is running
    assert book.trouble() == (
        f"The rules go on as they were: there are 2 errors in {folder} (the first in a.rules, line 2: "
        "birthdy is not a moment); `carpe check` shows them."
    )
    book.good()
    assert [record.getMessage() for record in caplog.records] == [book.trouble()]
    (folder / "a.rules").write_text(broken.replace("birthdy", "birthday").replace("premuim", "premium"))
    with caplog.at_level(logging.INFO, "carpe.rules"):
        assert [rule.name for rule in book.good().rules] == ["wishes", "a", "b"]
    assert book.trouble() is None
    assert caplog.records[-1].getMessage() == "The rules were read again: 3 of them run."
    assert [rule.name for rule in running.rules] == ["wishes"]


@pytest.mark.parametrize("name", ["catalog.yaml", "a.rules"])
def test_files_that_cannot_be_read_keep_what_ran(folder: Path, name: str):
    book = Rulebook(folder)
    running, text = book.good(), (folder / name).read_text()
    (folder / name).unlink()
    if name == "a.rules":
        (folder / name).mkdir()
        (folder / "b.rules").write_text("#" * (LARGEST_FILE + 1))
    assert book.good() is running
    assert str(book.trouble()).startswith("The rules go on as they were. ")
    with pytest.raises(CarpeError):
        book.current()
    if name == "a.rules":
        (folder / name).rmdir()
        (folder / "b.rules").unlink()
    (folder / name).write_text(text)
    assert book.good().digest == running.digest
    assert book.trouble() is None


def test_a_start_on_errors_runs_what_is_right(folder: Path):
    (folder / "b.rules").write_text("rule second on birthday tag vip\non birthdy say 'x'\n")
    book = Rulebook(folder)
    assert [rule.name for rule in book.good().rules] == ["wishes", "second"]
    assert str(book.trouble()).startswith("What is broken does not run: there is 1 error in ")


def test_a_file_that_is_touched_changes_nothing(folder: Path):
    book = Rulebook(folder)
    loaded, running = book.current(), book.good()
    os.utime(folder / "a.rules", ns=(0, 0))
    assert book.current() is loaded
    assert book.good() is running


def test_an_edit_of_the_same_size_at_the_same_time_is_noticed(folder: Path):
    book, times = Rulebook(folder), (folder / "a.rules").stat()
    book.good()
    save(folder, "a.rules", RULE.replace("wishes", "gifts1"), digest(RULE))
    os.utime(folder / "a.rules", ns=(times.st_atime_ns, times.st_mtime_ns))
    assert [rule.name for rule in book.good().rules] == ["gifts1"]


def test_what_an_edit_does_not_touch_keeps_its_plan(folder: Path):
    (folder / "b.rules").write_text("rule visits on website_visit where page = '/a' tag vip\n".replace("'", '"'))
    book, day = Rulebook(folder), dt.date(2026, 3, 15)
    first = plans_of(book.good())
    before = [first.plan(MomentUse(name), day) for name in ("birthday", "website_visit")]
    (folder / "a.rules").write_text(RULE.replace("say", "where country = DE say"))
    second = plans_of(book.good())
    after = [second.plan(MomentUse(name), day) for name in ("birthday", "website_visit")]
    assert after[1] is before[1]
    assert after[0] is not before[0]
    assert plans_of(book.good()) is second


def test_while_one_reads_a_change_the_others_work_with_what_ran(folder: Path, monkeypatch: pytest.MonkeyPatch):
    book = Rulebook(folder)
    running = book.good()
    begun, go_on, read = Event(), Event(), []
    check = service.check

    def slow(files: Mapping[str, str]) -> Checked:
        read.append(files)
        begun.set()
        assert go_on.wait(20)
        return check(files)

    monkeypatch.setattr(service, "check", slow)
    (folder / "a.rules").write_text(RULE.replace("wishes", "gifts"))
    reader = Thread(target=book.good)
    reader.start()
    assert begun.wait(20)
    assert book.good() is running
    go_on.set()
    reader.join()
    assert [rule.name for rule in book.good().rules] == ["gifts"]
    assert len(read) == 1


def test_in_the_middle_of_swaps_everybody_sees_one_ruleset_or_the_other(folder: Path):
    """Each version has two rules whose names and texts belong together, and another catalog."""
    versions = [RULE.replace("wishes", f"{name}_1") + RULE.replace("wishes", f"{name}_2") for name in ("old", "new")]
    save(folder, "a.rules", versions[0], digest(RULE))
    book, done = Rulebook(folder), Event()
    seen: list[set[tuple[str, ...]]] = [set() for _ in range(4)]
    digests: set[tuple[str, tuple[str, ...]]] = set()

    def looks(number: int) -> None:
        while not done.is_set():
            live = book.live()
            names = tuple(rule.name for rule in live.ruleset.rules)
            seen[number].add(names)
            digests.add((live.ruleset.digest, names))

    threads = [Thread(target=looks, args=(number,)) for number in range(4)]
    book.good()
    for thread in threads:
        thread.start()
    for turn in range(1, 30):
        save(folder, "a.rules", versions[turn % 2], digest(versions[1 - turn % 2]))
        book.good()
    done.set()
    for thread in threads:
        thread.join()
    assert set.union(*seen) == {("old_1", "old_2"), ("new_1", "new_2")}
    assert len(digests) == 2


# --- saving ----------------------------------------------------------------------------------------------------------


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
