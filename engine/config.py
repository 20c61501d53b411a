"""Where things are: settings from the environment and the command line."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from engine.errors import CarpeError


@dataclass(frozen=True, slots=True)
class Settings:
    """`database` is a SQLAlchemy URL, `rules` the ruleset's folder. `secret` signs web sessions; None makes one.

    `columns` is the folder of the store's columnar snapshots; None leaves it to the store.
    """

    database: str = "sqlite:///carpe.db"
    rules: Path = Path("rules")
    host: str = "127.0.0.1"
    port: int = 8000
    secret: str | None = None
    columns: Path | None = None

    @classmethod
    def from_environment(
        cls,
        *,
        database: str | None = None,
        rules: str | Path | None = None,
        host: str | None = None,
        port: int | None = None,
    ) -> Settings:
        """What was said on the command line, else what the environment says.

        CARPE_DATABASE, CARPE_RULES, CARPE_HOST, CARPE_PORT, CARPE_SECRET, CARPE_COLUMNS.
        """
        rules = rules or os.environ.get("CARPE_RULES")
        columns = os.environ.get("CARPE_COLUMNS")
        said = {
            "database": database or os.environ.get("CARPE_DATABASE"),
            "rules": Path(rules) if rules else None,
            "host": host or os.environ.get("CARPE_HOST"),
            "port": port or _port(os.environ.get("CARPE_PORT")),
            "secret": os.environ.get("CARPE_SECRET"),
            "columns": Path(columns) if columns else None,
        }
        return cls(**{name: value for name, value in said.items() if value})  # type: ignore[arg-type]


def _port(text: str | None) -> int | None:
    if not text:
        return None
    if not (text.isdecimal() and 0 < int(text) < 65536):
        raise CarpeError(f'CARPE_PORT is "{text}", which is no port: give a number from 1 to 65535.')
    return int(text)


def cache_folder() -> Path | None:
    """Where Carpe keeps what it can make again: $CARPE_CACHE, else `carpe` among the user's caches.

    None where CARPE_CACHE is set to nothing, or nobody knows the user's home.
    """
    said = os.environ.get("CARPE_CACHE")
    if said is not None:
        return Path(said) if said else None
    caches = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(caches) if caches else Path.home() / ".cache") / "carpe"
    except RuntimeError:
        return None
