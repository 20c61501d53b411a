"""Whose clock a customer lives by, and which shard they are in."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from dsl.catalog import Catalog
from engine.store.tables import SHARDS

COUNTRY = "country"
"""The customer attribute that `country_timezones` is asked with."""

LONGEST_ZONE = 64


class Fallback(StrEnum):
    """Why a customer's own time zone does not count."""

    NONE = "none"
    MISSING = "missing"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Zone:
    name: str
    fallback: Fallback


@lru_cache(maxsize=4096)
def is_zone(name: str) -> bool:
    """Whether this is the name of a time zone in the IANA database."""
    if not name or len(name) > LONGEST_ZONE:
        return False
    try:
        ZoneInfo(name)
    except (ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError on names that merely do not exist
        return False
    except KeyError:
        return False
    return True


def resolve_zone(catalog: Catalog, timezone: str | None, country: str | None) -> Zone:
    """The customer's own zone, else their country's, else the catalog's."""
    if timezone is not None and is_zone(timezone):
        return Zone(timezone, Fallback.NONE)
    reason = Fallback.MISSING if timezone is None else Fallback.INVALID
    by_country = catalog.country_timezones.get(country) if country is not None else None
    return Zone(by_country or catalog.timezone, reason)


def shard_of(customer_id: str) -> int:
    """The shard of a customer: the same everywhere and for ever."""
    return zlib.crc32(customer_id.encode()) % SHARDS
