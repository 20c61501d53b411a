"""What every template may say: addresses of static files that change with their bytes, dates and numbers for people."""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
from pathlib import Path

from flask import Flask, url_for

from dsl.datatypes import Money
from engine.privacy import shown

_STATIC = Path(__file__).parent / "static"

RESULTS = {"offered": "Offered", "said": "Said", "tagged": "Tagged", "held": "Held", "held_out": "Held out"}
"""The words for what became of a match."""


def install(app: Flask) -> None:
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(asset=asset, results=RESULTS, share=share, money=money)
    app.jinja_env.filters.update(day=day, instant=instant, number=number, shown=shown, words=words)


def asset(name: str) -> str:
    """The address of a static file; a new version of it has a new address, so that browsers may keep the old one."""
    return url_for("static", filename=name, v=_version(name))


@functools.cache
def _version(name: str) -> str:
    return hashlib.sha256((_STATIC / name).read_bytes()).hexdigest()[:10]


def day(value: dt.date | None) -> str:
    """`22 November 2026`."""
    return f"{value.day} {value:%B %Y}" if value else ""


def instant(value: dt.datetime | None) -> str:
    """`22 Nov 2026, 14:05 UTC`."""
    return f"{value.day} {value:%b %Y, %H:%M} UTC" if value else ""


def number(value: int) -> str:
    return f"{value:,}"


def money(minor: int, currency: str) -> str:
    """`1,234.56 USD`, of minor units."""
    return str(Money(minor, currency))


def words(name: str) -> str:
    """A name of the catalog as people say it: `billing_anniversary` is billing anniversary."""
    return name.replace("_", " ")


def share(part: int, whole: int) -> str:
    """A share in percent for people: never 0% of something, never 100% of not quite all."""
    percent = round(100 * part / whole) if whole else 0
    if percent == 0 and part:
        return "<1%"
    return ">99%" if percent == 100 and part < whole else f"{percent}%"
