"""The cache of checked rules: what checking a ruleset gave, kept on disk, so that a process starts without checking.

An entry is a file in the user's own cache folder (`engine.config.cache_folder`), named by the digest of what it was
made from: the texts, and the sources of the language that read them, so that another version of Carpe, or another
Python, finds none of it. Whatever is damaged, foreign, older or in the way is as if it were not there: nothing here
raises, and the rules are checked.

Entries are pickles, which could run code when they are read. Three things are in the way, of which each suffices. Only
a file is read that belongs to this user, in a folder that nobody else may enter or write (who can write there can
already run code as this user). It is read only if it begins with the SHA-256 of its name and its content, so that a
file cut short, altered or renamed is none. And it can name nothing but classes of the language and a few of the
standard library: there is no function that it could call.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import io
import os
import pickle
import stat
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import dsl
from engine.config import cache_folder

MOST_ENTRIES = 24
"""Files that are kept; the oldest go."""

LARGEST_ENTRY = 1 << 28
"""Bytes of one entry; a larger one is not kept."""

_PLAIN = frozenset(
    [
        ("builtins", "frozenset"),
        ("builtins", "set"),
        ("datetime", "date"),
        ("datetime", "time"),
        ("datetime", "timedelta"),
        ("decimal", "Decimal"),
        ("fractions", "Fraction"),
    ]
)


class _Reader(pickle.Unpickler):
    """Reads objects of the language's own classes, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith("dsl.") or (module, name) in _PLAIN:
            found = super().find_class(module, name)
            if isinstance(found, type) and found.__module__ == module:
                return found
        raise pickle.UnpicklingError(f"{module}.{name} is no class of a ruleset")


def recall(kind: str, made_from: str) -> Any | None:
    """What was kept under this kind (one word) and digest; None where there is nothing that can be trusted."""
    folder = _folder()
    if folder is None:
        return None
    name = _name(kind, made_from)
    try:
        found = _own_bytes(folder / name)
        content = memoryview(found)[32:]
        if hashlib.sha256(name.encode() + content).digest() != found[:32]:
            return None
        with _uncollected():
            return _Reader(io.BytesIO(content)).load()
    except Exception:  # whatever a foreign pickle may raise
        return None


def keep(kind: str, made_from: str, value: object) -> None:
    """Keep a value for the processes that come; where that is not possible, nothing happens."""
    folder = _folder()
    if folder is None:
        return
    with contextlib.suppress(OSError, pickle.PicklingError, RecursionError):
        content = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        if len(content) <= LARGEST_ENTRY:
            name = _name(kind, made_from)
            _write(folder / name, hashlib.sha256(name.encode() + content).digest() + content)
            _tidy(folder)


def _name(kind: str, made_from: str) -> str:
    return f"{kind}-{hashlib.sha256(f'{_language()} {made_from}'.encode()).hexdigest()}"


@cache
def _language() -> str:
    """Changes with everything that decides what a text means: the sources of `dsl`, and the Python that runs them."""
    sha = hashlib.sha256(sys.version.encode())
    for root in dsl.__path__:
        for path in sorted(path for path in Path(root).rglob("*") if path.suffix in (".py", ".lark")):
            sha.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return sha.hexdigest()


# --- the folder ------------------------------------------------------------------------------------------------------


def _folder() -> Path | None:
    """The user's own folder, made where there is none; None where it is somebody else's, or open to somebody else."""
    folder = cache_folder()
    if folder is None:
        return None
    try:
        folder.mkdir(0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    return folder if own and not stat.S_IMODE(found.st_mode) & 0o077 else None


def _own_bytes(path: Path) -> bytes:
    """The content of a plain file that only this user may write. Raises OSError."""
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
            raise OSError(f"{path} is not ours alone")
        return file.read(LARGEST_ENTRY + 32)


def _write(path: Path, content: bytes) -> None:
    """All of it or nothing."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(name, path)
    except OSError:
        os.unlink(name)
        raise


def _tidy(folder: Path) -> None:
    """Let go of what was written longest ago."""
    entries = sorted(folder.iterdir(), key=lambda path: path.lstat().st_mtime_ns, reverse=True)
    for path in entries[MOST_ENTRIES:]:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """A ruleset is some hundred thousand objects, all of them meant to stay: looking for garbage doubles the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
