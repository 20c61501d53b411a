"""The rules that are live: a folder, checked, that is looked at again by everybody who is about to work with it.

An edit goes live when the whole folder is right. Until then the last good ruleset runs on and `trouble` says why, for
the log, `carpe status` and the pages. A process that starts on a folder with errors has no better one: there, what is
right runs.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from dsl.diagnostics import Diagnostic
from dsl.folder import CATALOG, digest
from dsl.typed import Ruleset
from dsl.typed_tests import RuleTest
from engine import rule_cache
from engine.errors import CarpeError
from engine.rule_files import Stamp, read_files, stamp_of

_log = logging.getLogger("carpe.rules")


class RulesetUnusable(CarpeError):
    """The ruleset has no usable catalog, so no rule can run."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A folder as it was read: the rules and tests that are right, what is wrong with the others, and the texts."""

    ruleset: Ruleset | None
    diagnostics: tuple[Diagnostic, ...]
    files: Mapping[str, str]
    tests: tuple[RuleTest, ...] = ()

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(each for each in self.diagnostics if each.is_error)


def load(folder: Path) -> Loaded:
    """Read and check a folder. Raises RulesetMissing where there is none; what is wrong inside is in `diagnostics`."""
    return _checked(read_files(folder))


def _checked(files: Mapping[str, str]) -> Loaded:
    """What checking the files gives, from the cache where it was done before.

    An edit is checked by a process that knows the rest: one that never checked recalls what another knew.
    """
    from dsl import service  # a parser and all of the checking, for those who find nothing in the cache

    texts, catalog = digest(files), digest({CATALOG: files[CATALOG]})
    kept = rule_cache.recall("checked", texts)
    if kept is not None:
        return Loaded(kept[0], kept[1], files, kept[2])
    new = service.knows_nothing()
    if new and (known := rule_cache.recall("known", catalog)) is not None:
        service.learn(known)
    checked = service.check(files)
    rule_cache.keep("checked", texts, (checked.ruleset, checked.diagnostics, checked.tests))
    if new:
        rule_cache.keep("known", catalog, service.known())
    return Loaded(checked.ruleset, checked.diagnostics, files, checked.tests)


def usable(loaded: Loaded, folder: Path) -> Ruleset:
    """The ruleset to run, or one sentence on why there is none."""
    if loaded.ruleset is None:
        first = loaded.errors[0].message if loaded.errors else "it is empty"
        raise RulesetUnusable(f"The catalog in {folder} cannot be used ({first}); `carpe check` says where.")
    return loaded.ruleset


@dataclass(frozen=True, slots=True)
class Live:
    """What runs, as one value: whoever works takes it once and keeps it until his work is done.

    `trouble` is one sentence on why that is not what the files say; None where it is.
    """

    ruleset: Ruleset
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a look found: the files as they were, or why they cannot be read, and what runs since."""

    stamp: Stamp
    found: Loaded | CarpeError
    live: Live | None


class Rulebook:
    """A folder that is watched by looking: sizes and times at every question, texts where these changed.

    Safe among threads: what was seen is one reference, swapped when all of it is ready. Of those who notice a change
    one reads it, and the others meanwhile work with what ran before.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._reading = Lock()
        self._seen: _Seen | None = None

    def current(self) -> Loaded:
        """The folder as it is at this moment, for those who edit it. Raises RulesetMissing."""
        found = self._look(wait=True).found
        if isinstance(found, CarpeError):
            raise found
        return found

    def live(self) -> Live:
        """What runs. Raises RulesetMissing or RulesetUnusable where nothing ever could."""
        seen = self._look(wait=False)
        if seen.live is not None:
            return seen.live
        return Live(usable(self.current(), self.folder))

    def good(self) -> Ruleset:
        """The ruleset that runs."""
        return self.live().ruleset

    def trouble(self) -> str | None:
        """Why what runs is not what the files say, or why nothing can run: one sentence. None where all is well."""
        try:
            return self.live().trouble
        except CarpeError as error:
            return str(error)

    def _look(self, *, wait: bool) -> _Seen:
        stamp, seen = stamp_of(self.folder), self._seen
        if seen is not None and seen.stamp == stamp:
            return seen
        if seen is None or seen.live is None or wait:
            with self._reading:
                return self._read(stamp)
        if not self._reading.acquire(blocking=False):
            return seen
        try:
            return self._read(stamp)
        finally:
            self._reading.release()

    def _read(self, stamp: Stamp) -> _Seen:
        """What changed up to `stamp`, if nobody has read it meanwhile; what changes later shows at the next look."""
        before = self._seen
        if before is not None and before.stamp == stamp:
            return before
        self._seen = after = self._after(before, stamp)
        _tell(before.live if before else None, after.live)
        return after

    def _after(self, before: _Seen | None, stamp: Stamp) -> _Seen:
        live = before.live if before else None
        try:
            files = read_files(self.folder)
            old = before.found if before else None
            found = old if isinstance(old, Loaded) and old.files == files else _checked(files)
        except CarpeError as error:
            return _Seen(stamp, error, live and Live(live.ruleset, f"The rules go on as they were. {error}"))
        return _Seen(stamp, found, _next(live, found, self.folder))


def _next(live: Live | None, found: Loaded, folder: Path) -> Live | None:
    """What runs after the folder was found so."""
    if live is None:
        trouble = f"What is broken does not run: {_errors(found, folder)}." if found.errors else None
        return Live(found.ruleset, trouble) if found.ruleset else None
    if found.errors or found.ruleset is None:
        return Live(live.ruleset, f"The rules go on as they were: {_errors(found, folder)}.")
    same = found.ruleset.digest == live.ruleset.digest and live.trouble is None
    return live if same else Live(found.ruleset)


def _errors(found: Loaded, folder: Path) -> str:
    """As in: there is 1 error in rules (visits.rules, line 3: ...); `carpe check` shows it."""
    count, first = len(found.errors), found.errors[0]
    line = first.source.position(first.span.start).line
    are, it = ("is 1 error", "it") if count == 1 else (f"are {count} errors", "them")
    place = f"{'' if count == 1 else 'the first in '}{first.source.path}, line {line}"
    return f"there {are} in {folder} ({place}: {first.message.rstrip('.')}); `carpe check` shows {it}"


def _tell(before: Live | None, after: Live | None) -> None:
    """Say in the log what changed."""
    trouble = after.trouble if after else None
    if trouble and trouble != (before.trouble if before else None):
        _log.warning(trouble)
    elif before and after and after is not before and not trouble:
        _log.info("The rules were read again: %d of them run.", len(after.ruleset.rules))
