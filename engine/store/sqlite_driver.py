"""The driver of SQLite: the newer library of the extra `fast` where it is installed, else Python's own.

Two copies of the library in one process must never have the same file open: the one that closes it first lets go of the
other's locks. So nothing of Carpe imports `sqlite3` by itself.
"""

from __future__ import annotations

import sqlite3
from types import ModuleType


def _driver() -> ModuleType:
    try:
        import pysqlite3.dbapi2
    except ImportError:
        return sqlite3
    newer: ModuleType = pysqlite3.dbapi2
    return newer if newer.sqlite_version_info > sqlite3.sqlite_version_info else sqlite3


DRIVER = _driver()
"""A module of the DB-API, as `sqlite3` is."""

SAFE_WAL: bool = DRIVER.sqlite_version_info >= (3, 51, 3)
"""Whether the library's write-ahead log is safe under two writers; before 3.51.3 they could corrupt it."""

Error: type[Exception] = DRIVER.Error
"""What the driver raises."""
