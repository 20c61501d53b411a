"""The files of a ruleset's folder: read, watched by looking, and saved without losing anybody's edit."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import CarpeError

LARGEST_FILE = 1 << 20
"""Bytes of one file of a ruleset; larger ones are refused by name."""

_PATTERNS = ("catalog.yaml", "*.rules", "messages/*.txt")
_RULE_FILE = re.compile(r"[a-z0-9][a-z0-9_-]{0,60}\.rules")

Stamp = tuple[tuple[str, int, int, int, int], ...]
"""Of each file its path, size, number on the disk, and when it and its text were changed last."""


class RulesetMissing(CarpeError):
    """There is no ruleset there."""


class Conflict(CarpeError):
    """The file changed since it was read."""

    def __init__(self, path: str, current: str, yours: str) -> None:
        super().__init__(f"{path} was changed by somebody else since you opened it; nothing was overwritten.")
        self.path, self.current, self.yours = path, current, yours


def digest(text: str) -> str:
    """SHA-256 (hex) of a text: what an editor remembers of the file it opened."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def read_files(folder: Path) -> dict[str, str]:
    """The texts of a ruleset's folder by path relative to it. Bytes that are no UTF-8 stay visible as U+FFFD."""
    if not (folder / "catalog.yaml").is_file():
        raise RulesetMissing(f"There is no ruleset in {folder}: a ruleset has a catalog.yaml. `carpe init` makes one.")
    found = sorted(path for pattern in _PATTERNS for path in folder.glob(pattern) if path.is_file())
    return {path.relative_to(folder).as_posix(): _text(path) for path in found}


def _text(path: Path) -> str:
    if path.stat().st_size > LARGEST_FILE:
        raise CarpeError(f"{path} is larger than a rule file may be ({LARGEST_FILE:,} bytes); split it.")
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except OSError as error:
        raise CarpeError(f"{path} could not be read: {error.strerror}.") from error


def stamp_of(folder: Path) -> Stamp:
    """What changes with every change of a file, told without opening one; () where there is no folder."""
    return tuple(sorted((*_stamps(folder, folder), *_stamps(folder, folder / "messages"))))


def _stamps(folder: Path, within: Path) -> Iterator[tuple[str, int, int, int, int]]:
    ending = (".rules", "catalog.yaml") if folder == within else (".txt",)
    try:
        with os.scandir(within) as entries:
            for entry in entries:
                if entry.name.endswith(ending):
                    found = entry.stat()
                    yield entry.path, found.st_size, found.st_ino, found.st_ctime_ns, found.st_mtime_ns
    except OSError:
        return


def save(folder: Path, path: str, text: str, read_digest: str) -> str:
    """Write a rule file if it still is what the editor read (`read_digest`; "" for a file that is new).

    Returns the new digest. Raises Conflict with both texts, or CarpeError for a name that is no rule file's.
    """
    if not _RULE_FILE.fullmatch(path):
        raise CarpeError(f'"{path}" is no name for a rule file: use small letters, digits, - and _, then .rules.')
    text = text.replace("\r\n", "\n")
    target = folder / path
    with _locked(folder):
        current = _text(target) if target.exists() else ""
        if (digest(current) if target.exists() else "") != read_digest and current != text:
            raise Conflict(path, current, text)
        _refuse_lost_bytes(target, text)
        _replace(target, text)
    return digest(text)


def _refuse_lost_bytes(target: Path, text: str) -> None:
    """What is no UTF-8 was read as U+FFFD; writing that back would lose the bytes."""
    if "\N{REPLACEMENT CHARACTER}" not in text or not target.exists():
        return
    try:
        target.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise CarpeError(f"{target} is not UTF-8 (byte {error.start + 1}); save it as UTF-8 first.") from None


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One saver at a time, over processes."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _replace(target: Path, text: str) -> None:
    """All of the new text or all of the old, whatever happens in between."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".saving-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, target.stat().st_mode & 0o777 if target.exists() else 0o644)
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise
