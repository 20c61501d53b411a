"""The cache of checked rules: it gives what checking gives, to this user alone, and never stands in the way."""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dsl import checker, service
from dsl.typed import Ruleset
from engine import rule_cache
from engine.config import cache_folder
from engine.rulebook import Loaded, load
from tests import world

EXAMPLE = Path(__file__).resolve().parents[1] / "rules"


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the cache, for a process that has checked nothing yet."""
    monkeypatch.setenv("CARPE_CACHE", str(tmp_path / "cache"))
    service.forget()
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "rules"
    made.mkdir()
    (made / "catalog.yaml").write_text(world.CATALOG)
    (made / "all.rules").write_text(world.RULES)
    return made


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts of the rules that were checked, not recalled."""
    texts: list[str] = []
    check_rule = checker.check_rule

    def noted(words: Any, source: Any, node: Any) -> Any:
        texts.append(source.slice(node.span))
        return check_rule(words, source, node)

    monkeypatch.setattr(checker, "check_rule", noted)
    return texts


def afresh(folder: Path) -> Loaded:
    """Loaded by another process."""
    service.forget()
    return load(folder)


def ruleset(loaded: Loaded) -> Ruleset:
    assert loaded.ruleset is not None
    return loaded.ruleset


@pytest.mark.parametrize("broken", ["", 'on birthdy say "x"\nrule more on birthday tag vip\n'])
def test_the_next_process_loads_the_same_and_checks_nothing(
    kept: Path, tmp_path: Path, checks: list[str], broken: str
) -> None:
    """Of the example ruleset, which uses all of the language: rules, messages, tests and what is wrong."""
    folder = tmp_path / "example"
    (folder / "messages").mkdir(parents=True)
    for path in (*EXAMPLE.glob("*.yaml"), *EXAMPLE.glob("*.rules"), *EXAMPLE.glob("messages/*.txt")):
        (folder / path.relative_to(EXAMPLE)).write_bytes(path.read_bytes())
    (folder / "broken.rules").write_text(broken)
    first = load(folder)
    assert len(checks) >= len(ruleset(first).rules)
    checks.clear()
    second = afresh(folder)
    assert checks == []
    assert second == first
    assert ruleset(second).messages == ruleset(first).messages
    assert [rule.span for rule in ruleset(second).rules] == [rule.span for rule in ruleset(first).rules]
    assert [one.render() for one in second.diagnostics] == [one.render() for one in first.diagnostics]


def test_an_edit_is_checked_by_what_another_process_knew(
    kept: Path, folder: Path, checks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = load(folder)
    checks.clear()
    (folder / "all.rules").write_text("# another line\n" + world.RULES.replace("priority 3", "priority 4"))
    after = afresh(folder)
    assert len(checks) == 1
    assert "priority 4" in checks[0]
    assert [rule.name for rule in ruleset(after).rules] == [rule.name for rule in ruleset(before).rules]
    monkeypatch.setenv("CARPE_CACHE", "")
    assert afresh(folder) == after


def test_nothing_is_kept_where_it_is_not_wanted(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARPE_CACHE", "")
    assert cache_folder() is None
    load(folder)
    monkeypatch.delenv("CARPE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    load(folder)
    assert (tmp_path / "xdg" / "carpe").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "xdg" / "carpe").iterdir()} == {0o600}


# --- what is not trusted ---------------------------------------------------------------------------------------------


def damage(change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(change(path.read_bytes()))


def open_folder(path: Path) -> None:
    path.parent.chmod(0o755)


def a_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


class Bad:
    """Runs a command when it is read."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("exit 1",)


class Borrowed:
    """Calls a function of the language when it is read."""

    def __reduce__(self) -> tuple[Any, ...]:
        return service.check, ({},)


def sealed(value: object) -> Callable[[Path], object]:
    """Another value under a right digest."""

    def write(path: Path) -> None:
        content = pickle.dumps(value)
        path.write_bytes(hashlib.sha256(path.name.encode() + content).digest() + content)

    return write


@pytest.mark.parametrize(
    "spoil",
    [
        damage(lambda content: b""),
        damage(lambda content: content[:20]),
        damage(lambda content: content[:-1]),
        damage(lambda content: content + b"."),
        damage(lambda content: content[:40] + bytes([content[40] ^ 1]) + content[41:]),
        lambda path: path.chmod(0o620),
        open_folder,
        a_link,
        a_folder,
        sealed(Bad()),
        sealed(Borrowed()),
        lambda path: path.rename(path.with_name("checked-" + "0" * 64)),
    ],
)
def test_what_is_damaged_or_foreign_is_checked_again(
    kept: Path, folder: Path, checks: list[str], spoil: Callable[[Path], object]
) -> None:
    first = load(folder)
    (entry,) = kept.glob("checked-*")
    (known,) = kept.glob("known-*")
    known.unlink()
    spoil(entry)
    checks.clear()
    assert afresh(folder) == first
    assert checks


def test_an_entry_under_anothers_name_is_none(kept: Path) -> None:
    rule_cache.keep("checked", "one", (1, 2))
    (entry,) = kept.iterdir()
    entry.rename(kept / rule_cache._name("checked", "two"))
    assert rule_cache.recall("checked", "two") is None
    rule_cache.keep("checked", "two", (3,))
    assert rule_cache.recall("checked", "two") == (3,)
    assert rule_cache.recall("known", "two") is None


def test_another_version_finds_nothing(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rule_cache.keep("checked", "one", (1, 2))
    assert rule_cache.recall("checked", "one") == (1, 2)
    monkeypatch.setattr(rule_cache, "_language", lambda: "of next year")
    assert rule_cache.recall("checked", "one") is None


def test_where_no_folder_can_be_made_nothing_is_kept(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CARPE_CACHE", str(tmp_path / "file" / "cache"))
    assert ruleset(afresh(folder)).rules
    assert ruleset(afresh(folder)).rules


def test_the_oldest_entries_go(kept: Path) -> None:
    for number in range(rule_cache.MOST_ENTRIES + 5):
        rule_cache.keep("checked", str(number), number)
        os.utime(kept / rule_cache._name("checked", str(number)), ns=(number, number))
    rule_cache.keep("checked", "last", -1)
    assert len(list(kept.iterdir())) == rule_cache.MOST_ENTRIES
    assert rule_cache.recall("checked", "0") is None
    assert rule_cache.recall("checked", str(rule_cache.MOST_ENTRIES + 4)) == rule_cache.MOST_ENTRIES + 4
    assert rule_cache.recall("checked", "last") == -1
