"""A small real world for the web's tests: a folder of rules, a store with customers, users, a token, a clock."""

from __future__ import annotations

import atexit
import datetime as dt
import functools
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.security import generate_password_hash
from werkzeug.test import TestResponse

from dsl.catalog import Catalog
from dsl.catalog_reader import read_catalog
from dsl.datatypes import Money
from dsl.source import Source
from engine.access import create_token, create_user
from engine.config import Settings
from engine.rulebook import Rulebook
from engine.store.session import Store, open_store
from engine.store.state import put_customers, put_subscriptions
from engine.store.tables import users
from tests.conftest import make_tables
from web import create_app, help

NOW = dt.datetime(2026, 3, 15, 18, tzinfo=dt.UTC)
TODAY = dt.date(2026, 3, 15)

CATALOG = """\
currency: USD
timezone: America/New_York
country_timezones: {DE: Europe/Berlin}
default_via: [email]
customer:
  first_name:    {type: text}
  email:         {type: text, personal: true}
  country:       {type: enum, values: [US, DE, FR]}
  date_of_birth: {type: date, personal: true}
  marketing_ok:  {type: flag}
subscription:
  plan:             {type: plan}
  status:           {type: enum, values: [trialing, active, past_due, paused, cancelled]}
  started_on:       {type: date}
  tenure:           {type: elapsed, since: started_on, unit: months}
  billing_interval: {type: enum, values: [month, year]}
  mrr:              {type: money}
moments:
  billing_anniversary: {recurs: billing_interval, from: started_on}
  birthday:            {recurs: year, from: date_of_birth}
  website_visit:       {event: true, properties: {page: text, seconds: number}}
  payment_failed:      {event: true, of: subscription, properties: {amount: money, attempt: count}}
plans:
  basic:   {rank: 0, price: {month: 10 USD}}
  premium: {rank: 1, price: {month: 40 USD}}
channels: [email, in_app]
policies:
  consent: {email: marketing_ok}
"""

ANNIVERSARY = """\
# The day a bill comes round again.

rule premium_after_a_year "Premium after a year"
  on billing_anniversary
  where tenure > 12 months and country in (US, DE)
  offer premium
  say premium_anniversary
  via email, in_app
  priority 10
"""

VISITS = """\
rule pricing_page
  on website_visit
  where page like "/pricing*"
  offer premium
  say "Questions about {{ offer.name }}, {{ first_name }}?"
  via in_app
"""

MESSAGE = """\
---
subject: "{{ first_name | default: 'Hello' }}, a year together"
---
{{ offer.name }} is {{ offer.price }}. We write to {{ email }}.
"""

FILES = {
    "catalog.yaml": CATALOG,
    "anniversary.rules": ANNIVERSARY,
    "visits.rules": VISITS,
    "messages/premium_anniversary.txt": MESSAGE,
}

_TOKEN = re.compile(r'name="csrf_token" value="([^"]*)"')
_DIGEST = re.compile(r'name="digest" value="([^"]*)"')


@dataclass
class World:
    folder: Path
    store: Store
    app: Flask
    token: str
    times: list[dt.datetime] = field(default_factory=lambda: [NOW])

    def visitor(self, name: str | None = None) -> Visitor:
        """Somebody at a browser, signed in unless `name` is None; the password is the name and `!`."""
        visitor = Visitor(self.app.test_client())
        if name:
            assert visitor.send("/sign-in", {"name": name, "password": f"{name}!"}).status_code == 302
        return visitor

    def program(self) -> Program:
        return Program(self.app.test_client(), {"Authorization": f"Bearer {self.token}"})

    def read(self, path: str) -> str:
        return (self.folder / path).read_text(encoding="utf-8")

    def write(self, path: str, text: str) -> None:
        """Somebody else's hand in the folder."""
        (self.folder / path).write_text(text, encoding="utf-8")

    def wait(self, time: dt.timedelta) -> None:
        self.times[0] += time


@dataclass
class Visitor:
    client: FlaskClient

    def see(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, **options)

    def send(self, path: str, form: Mapping[str, str], page: str = "/sign-in") -> TestResponse:
        """Post a form with the token that a page of this visitor carries."""
        shown = self.client.get(page, follow_redirects=True).text
        return self.client.post(path, data={"csrf_token": token_of(shown), **form})

    def save(self, path: str, text: str, read: str | None = None, **form: str) -> TestResponse:
        """Open a file in the editor and save another text; `read` is the digest of an earlier opening."""
        shown = self.see(f"/files/{path}").text
        fields = {"csrf_token": token_of(shown), "digest": digest_of(shown) if read is None else read, "text": text}
        return self.client.post(f"/files/{path}", data={**fields, **form})


@dataclass
class Program:
    client: FlaskClient
    headers: Mapping[str, str]

    def post(self, path: str, body: Any, **options: Any) -> TestResponse:
        return self.client.post(f"/api/v1{path}", json=body, headers=self.headers, **options)

    def raw(self, path: str, body: bytes, kind: str = "application/json") -> TestResponse:
        return self.client.post(f"/api/v1{path}", data=body, content_type=kind, headers=self.headers)


def token_of(html: str) -> str:
    found = _TOKEN.search(html)
    assert found, "the page has no form token"
    return unescape(found.group(1))


def digest_of(html: str) -> str:
    found = _DIGEST.search(html)
    assert found, "the page has no digest"
    return found.group(1)


def help_blocks(kind: str) -> list[tuple[str, str]]:
    """Every example of a kind in the help, with its page."""
    pattern = re.compile(rf'<(?:pre|code) class="{kind}"[^>]*>(.*?)</(?:pre|code)>', re.DOTALL)
    return [(topic, unescape(block)) for topic in help.TOPICS for block in pattern.findall(help.read(topic))]


@contextmanager
def open_world(folder: Path, files: Mapping[str, str] = FILES) -> Iterator[World]:
    rules = folder / "rules"
    (rules / "messages").mkdir(parents=True)
    for path, text in files.items():
        (rules / path).write_text(text, encoding="utf-8")
    database = folder / "carpe.db"
    populated, token = _populated(files["catalog.yaml"])
    shutil.copy(populated, database)
    settings = Settings(database=f"sqlite:///{database}", rules=rules)
    store, book = open_store(settings.database), Rulebook(rules)
    times = [NOW]
    try:
        app = create_app(settings, store, book, lambda: times[0])
        app.testing = True
        app.config["PROPAGATE_EXCEPTIONS"] = False
        yield World(rules, store, app, token, times)
    finally:
        store.close()


@functools.cache
def _populated(catalog: str) -> tuple[Path, str]:
    """A database as `populate` leaves it and the token of its program, made once a run for each catalog."""
    folder = Path(tempfile.mkdtemp(prefix="carpe-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    make_tables(folder / "populated.db")
    store = open_store(f"sqlite:///{folder / 'populated.db'}")
    read, _ = read_catalog(Source("catalog.yaml", catalog))
    assert read is not None
    token = populate(store, read)
    store.close()
    return folder / "populated.db", token


def populate(store: Store, catalog: Catalog) -> str:
    """Three customers due on 15 March 2026 (two match the anniversary rule), one with a name made of HTML."""
    customers = [
        _customer("c-1", "Ada", "US", email="ada@example.com"),
        _customer("c-2", "<script>alert(1)</script>", "DE", email="eve@example.com"),
        _customer("c-3", "Bo", None),
        _customer("<b>c-4</b>", "Cy", "US"),
    ]
    subscriptions = [
        _subscription("s-1", "c-1", dt.date(2024, 1, 15)),
        _subscription("s-2", "c-2", dt.date(2023, 6, 15)),
        _subscription("s-3", "c-3", dt.date(2024, 2, 15)),
        _subscription("s-4", "<b>c-4</b>", dt.date(2024, 2, 20)),
    ]
    with store.write() as connection:
        put_customers(connection, catalog, customers, NOW)
        put_subscriptions(connection, catalog, subscriptions, NOW)
        for name, role in (("ada", "editor"), ("vera", "viewer")):
            create_user(connection, name, f"{name}!", role, NOW)
            cheap = generate_password_hash(f"{name}!", "pbkdf2:sha256:1")  # every test signs in; a real one is slow
            connection.execute(users.update().where(users.c.name == name).values(password_hash=cheap))
        return create_token(connection, "shop", NOW)


def _customer(id: str, name: str, country: str | None, **more: Any) -> dict[str, Any]:
    row: dict[str, Any] = {"customer.id": id, "customer.first_name": name, "customer.marketing_ok": True}
    row |= {f"customer.{key}": value for key, value in more.items()}
    return row | ({"customer.country": country} if country else {})


def _subscription(id: str, customer: str, start: dt.date) -> dict[str, Any]:
    return {
        "subscription.id": id,
        "customer.id": customer,
        "subscription.plan": "basic",
        "subscription.status": "active",
        "subscription.started_on": start,
        "subscription.billing_interval": "month",
        "subscription.mrr": Money(1000, "USD"),
    }
