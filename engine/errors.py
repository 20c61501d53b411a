"""Operating errors: each is shown to a user as one sentence, never as a traceback (commands exit with 2).

A class is a message: its docstring is the default one.
"""

from __future__ import annotations

import inspect


class CarpeError(Exception):
    """Something that Carpe needs is not as it should be."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or inspect.cleandoc(type(self).__doc__ or ""))


# --- the store -------------------------------------------------------------------------------------------------------


class StoreError(CarpeError):
    """The database cannot be used."""


class UnknownDatabase(StoreError):
    """A database is named by a URL such as sqlite:///carpe.db or postgresql://user@host/name."""


class DatabaseMissing(StoreError):
    """There is no database there yet: `carpe init` or `carpe db upgrade` makes one."""


class DatabaseOutdated(StoreError):
    """The database's tables are older than this version of Carpe: run `carpe db upgrade`."""


class DatabaseTooNew(StoreError):
    """The database's tables were made by a newer version of Carpe: install that version to use it."""


class DatabaseLocked(StoreError):
    """The database is being written by another program: wait until that is finished, then try again."""


class DatabaseReadOnly(StoreError):
    """The database cannot be written: its file or folder is read-only."""


class DatabaseFull(StoreError):
    """The disk that holds the database is full: nothing of this step was kept; make room and try again."""


class DatabaseUnwritable(StoreError):
    """The disk failed, or the database may not grow any more: nothing of this step was kept; look at the disk."""


class DriverMissing(StoreError):
    """PostgreSQL needs a driver that is not installed: run `pip install 'carpe[postgres]'`."""


# --- serving ---------------------------------------------------------------------------------------------------------


class ServerMissing(CarpeError):
    """The server granian is not installed: run `pip install 'carpe[fast]'`, or serve without --server granian."""


# --- import ----------------------------------------------------------------------------------------------------------


class ImportFailed(CarpeError):
    """The file cannot be imported."""


class MappingError(ImportFailed):
    """The mapping file cannot be used."""


# --- editors ---------------------------------------------------------------------------------------------------------


class LanguageServerMissing(CarpeError):
    """The language server needs pygls, which is not installed: run `pip install 'carpe[lsp]'`."""
