"""`carpe lint` as a person types it, and the live counts it tells."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from dsl.catalog import Catalog
from dsl.service import check
from engine.cli import linting
from engine.cli.main import cli
from engine.errors import CarpeError
from engine.store.session import Store
from engine.store.state import put_customers, put_subscriptions
from engine.store.statistics import StoredStatistics
from tests.language import CATALOG

NOW = dt.datetime(2026, 3, 15, 12, tzinfo=dt.UTC)
RULES = "on renewal where plan = premium offer premium\non birthday where not (country = US) tag x\n"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "catalog.yaml").write_text(CATALOG)
    (folder / "a.rules").write_text(RULES)
    return folder


@pytest.fixture
def catalog() -> Catalog:
    ruleset = check({"catalog.yaml": CATALOG}).ruleset
    assert ruleset is not None
    return ruleset.catalog


def fill(store: Store, catalog: Catalog) -> None:
    with store.write() as connection:
        rows = [{"customer.id": "c1", "customer.country": "DE"}, {"customer.id": "c2"}, {"customer.id": "c3"}]
        put_customers(connection, catalog, rows, NOW)
        put_subscriptions(
            connection, catalog, [{"subscription.id": "s1", "customer.id": "c1", "subscription.plan": "basic"}], NOW
        )


def test_statistics_count_what_is_there(store: Store, catalog: Catalog):
    fill(store, catalog)
    statistics = StoredStatistics(store)
    assert statistics.missing("customer.country") == 2
    assert statistics.missing("customer.locale") == 3
    assert statistics.missing("customer.timezone") == 3
    assert statistics.missing("customer.id") == 0
    assert statistics.missing("subscription.plan") == 0
    assert statistics.missing("event.page") is None
    assert statistics.share_known("customer.country") == pytest.approx(1 / 3)
    assert statistics.share_known("event.page") is None


def test_nothing_is_known_of_nobody(store: Store):
    assert StoredStatistics(store).share_known("customer.country") is None


def test_warnings_end_fine_unless_strict(rules: Path):
    done = CliRunner().invoke(cli, ["lint", str(rules)])
    assert done.exit_code == 0
    assert "everybody whom this rule meets has premium already" in done.output
    assert "0 errors, 1 warning, 1 info." in done.output
    assert CliRunner().invoke(cli, ["lint", str(rules), "--strict"]).exit_code == 1


def test_errors_of_the_rules_are_told_too(rules: Path):
    (rules / "b.rules").write_text("on renewal where tenure > 12 and tenure < 6 offer premium\n")
    done = CliRunner().invoke(cli, ["lint", str(rules), "--json"])
    assert done.exit_code == 1
    assert {one["code"] for one in json.loads(done.output)} >= {"never-true", "already-has"}


def test_a_database_gives_the_live_count_once(rules: Path, database_url: str, store: Store, catalog: Catalog):
    fill(store, catalog)
    done = CliRunner().invoke(cli, ["lint", str(rules), "--json", "--database", database_url])
    found = [one for one in json.loads(done.output) if one["code"] == "missing-never-matches"]
    assert [one["message"].partition(";")[0] for one in found] == ["2 customers have no known country and never match"]


def test_the_solver_finds_what_only_windows_tell(rules: Path):
    pytest.importorskip("z3", reason="the exact analysis needs pip install 'carpe[analysis]'")
    where = "count of support_call in last 7 days > 3 and count of support_call in last 30 days < 3"
    (rules / "a.rules").write_text(f"on renewal where {where} offer premium\n")
    assert CliRunner().invoke(cli, ["lint", str(rules)]).exit_code == 0
    done = CliRunner().invoke(cli, ["lint", str(rules), "--exact"])
    assert done.exit_code == 1
    assert "can never be true" in done.output


def test_a_missing_solver_says_how_to_install_it(rules: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(linting, "find_spec", lambda name: None)
    done = CliRunner().invoke(cli, ["lint", str(rules), "--exact"])
    assert isinstance(done.exception, CarpeError)
    assert "pip install 'carpe[analysis]'" in str(done.exception)
