"""Snapshots: what makes one untrusted, what renewing keeps, and that they can always be done without."""

from __future__ import annotations

import datetime as dt
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner
from sqlalchemy import Connection, func, select

from dsl.catalog import Catalog
from dsl.datatypes import Money
from engine.cli.main import cli, main
from engine.config import Settings
from engine.errors import DatabaseLocked
from engine.store import tables
from engine.store.columns import read_columns
from engine.store.forget import forget
from engine.store.reindex import reindex
from engine.store.schema import upgrade
from engine.store.session import Store, open_store
from engine.store.snapshot import journal
from engine.store.snapshot import refresh as room
from engine.store.snapshot.current import Current, current
from engine.store.snapshot.pairs import read_pairs, stored_attributes
from engine.store.snapshot.refresh import Refreshed, drop, keep_fresh, merged, refresh
from engine.store.snapshot.shard_file import ColumnsNotWritten, open_file, path_of
from engine.store.state import Row, put_customers, put_subscriptions
from engine.store.tables import SHARDS, changes
from engine.store.zones import shard_of
from tests.conftest import BOTH

NOW = dt.datetime(2026, 3, 15, 12, tzinfo=dt.UTC)
IDS = [f"c{number:02}" for number in range(40)]


def person(key: str, **more: Any) -> Row:
    row = {"customer.id": key, "customer.country": "DE", "customer.date_of_birth": dt.date(1990, 1, 31)}
    return row | {f"customer.{name}": value for name, value in more.items()}


def held(key: str, customer: str) -> Row:
    return {"subscription.id": key, "customer.id": customer, "subscription.mrr": Money(5, "USD")}


def peopled(url: str, catalog: Catalog, folder: Path) -> Store:
    """A store of forty customers, most with a subscription, and its snapshot."""
    upgrade(url)
    store = open_store(url, folder)
    with store.write() as connection:
        reindex(connection, catalog, NOW)
        put_customers(connection, catalog, [person(key) for key in IDS], NOW)
        put_subscriptions(connection, catalog, [held(f"s{key}", key) for key in IDS[:30]], NOW)
    assert refresh(store, catalog) == Refreshed(made=SHARDS, rows=40, read=40)
    return store


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, shop: Catalog) -> Path:
    """A folder with a database file and its columns, to be copied."""
    folder = tmp_path_factory.mktemp("prepared")
    peopled(f"sqlite:///{folder / 'carpe.db'}", shop, folder / "columns").close()
    return folder


@pytest.fixture(params=BOTH)
def kept(request: pytest.FixtureRequest, tmp_path: Path, shop: Catalog) -> Iterator[Store]:
    if request.param == "sqlite":
        shutil.copytree(request.getfixturevalue("prepared"), tmp_path, dirs_exist_ok=True)
        store = open_store(f"sqlite:///{tmp_path / 'carpe.db'}", tmp_path / "columns")
    else:
        store = peopled(request.getfixturevalue("postgresql").new_database(), shop, tmp_path / "columns")
    yield store
    store.close()


def put(store: Store, catalog: Catalog, *rows: Row) -> None:
    with store.write() as connection:
        put_customers(connection, catalog, rows, NOW)


def states(store: Store, catalog: Catalog) -> list[Current | None]:
    with store.read() as connection:
        return [current(connection, catalog, shard) for shard in range(SHARDS)]


def changed(store: Store, catalog: Catalog) -> set[str]:
    found = states(store, catalog)
    assert all(found)
    return {key for each in found if each for key in each.changed}


def content(store: Store, catalog: Catalog) -> dict[str, list[dict[str, Any]]]:
    """The rows of every file, by shard, and what the database says instead of them."""
    folder = store.columns
    assert folder is not None
    files = [open_file(folder, shard) for shard in range(SHARDS)]
    with store.read() as connection:
        everybody = connection.scalars(select(tables.customers.c.id)).all()
        mine = [[key for key in everybody if shard_of(key) == shard] for shard in range(SHARDS)]
        database = [row for ids in mine for row in read_pairs(connection, stored_attributes(catalog), ids).to_pylist()]
    return {"files": [row for each in files if each for row in each.table().to_pylist()], "database": database}


def assert_whole(store: Store, catalog: Catalog) -> None:
    found = content(store, catalog)
    assert found["files"] == found["database"]


# --- what is in them -------------------------------------------------------------------------------------------------


def test_a_fresh_snapshot_is_the_database(kept: Store, shop: Catalog) -> None:
    assert changed(kept, shop) == set()
    assert_whole(kept, shop)
    assert refresh(kept, shop) == Refreshed(kept=SHARDS, rows=40)


def test_pairs_are_the_columns_of_a_batch(kept: Store, shop: Catalog) -> None:
    """Types as `read_columns` gives them, texts that repeat behind dictionaries."""
    empty = read_columns([], stored_attributes(shop)).schema
    file = open_file(kept.columns or Path(), 3)
    assert file is not None
    for field in empty:
        found = file.reader.schema.field(field.name).type
        assert field.type == (found.value_type if pa.types.is_dictionary(found) else found), field.name
    assert "subscription.tenure" not in file.names
    assert pa.types.is_dictionary(file.reader.schema.field("subscription.plan").type)


def test_everybody_who_was_written_is_in_the_journal(kept: Store, shop: Catalog) -> None:
    put(kept, shop, person("c01", satisfaction=9.0), person("c02"), person("new"))
    assert changed(kept, shop) == {"c01", "new"}  # c02 is what it was
    with kept.write() as connection:
        put_subscriptions(connection, shop, [held("sc05", "c35"), held("more", "c07")], NOW)
    assert changed(kept, shop) == {"c01", "new", "c05", "c35", "c07"}  # sc05 changed hands


def test_renewing_reads_only_who_was_written(kept: Store, shop: Catalog) -> None:
    put(kept, shop, person("c01", satisfaction=9.0), person("c0"), person("zz"), person("c01x"))
    shards = {shard_of(key) for key in ("c01", "c0", "zz", "c01x")}
    assert refresh(kept, shop) == Refreshed(0, len(shards), SHARDS - len(shards), 43, 4)
    assert changed(kept, shop) == set()
    assert_whole(kept, shop)


def test_rows_find_their_places(kept: Store, shop: Catalog) -> None:
    with kept.read() as connection:
        every = stored_attributes(shop)
        whole = read_pairs(connection, every, IDS)
        for mine in (IDS[:3], IDS[5:6], IDS[-2:], IDS[::7], [], IDS):
            old = read_pairs(connection, every, [key for key in IDS if key not in mine])
            assert merged(old, read_pairs(connection, every, mine)).to_pylist() == whole.to_pylist()


# --- what is not trusted ---------------------------------------------------------------------------------------------


def test_a_missing_or_damaged_file_is_not_trusted(kept: Store, shop: Catalog) -> None:
    folder = kept.columns
    assert folder is not None
    whole = path_of(folder, 2).read_bytes()
    path_of(folder, 0).unlink()
    path_of(folder, 1).write_bytes(b"")
    path_of(folder, 2).write_bytes(whole[: len(whole) // 2])
    path_of(folder, 3).write_bytes(b"no columns at all" * 100)
    shutil.copy(path_of(folder, 5), path_of(folder, 4))
    assert [each is not None for each in states(kept, shop)] == [False] * 5 + [True] * 11
    assert refresh(kept, shop).made == 5
    assert_whole(kept, shop)


def test_another_catalog_s_is_not_trusted(kept: Store, shop: Catalog) -> None:
    other = replace(shop, timezone="Asia/Tokyo")
    assert states(kept, other) == [None] * SHARDS
    with kept.write() as connection:
        reindex(connection, other, NOW)
    assert states(kept, other) == states(kept, shop) == [None] * SHARDS
    with kept.write() as connection:
        reindex(connection, shop, NOW)
    assert states(kept, shop) == [None] * SHARDS  # the same catalog again, yet documents may have changed between
    assert refresh(kept, shop).made == SHARDS
    assert_whole(kept, shop)


def test_a_store_that_is_not_indexed_gets_none(kept: Store, shop: Catalog) -> None:
    drop(kept)
    assert refresh(kept, replace(shop, timezone="Asia/Tokyo")) == Refreshed()


def test_a_restored_database_does_not_trust_newer_files(tmp_path: Path, shop: Catalog) -> None:
    """Nor when its journal has grown past the number in the file again."""
    path = tmp_path / "carpe.db"
    upgrade(f"sqlite:///{path}")
    store = open_store(f"sqlite:///{path}")
    with store.write() as connection:
        reindex(connection, shop, NOW)
    refresh(store, shop)
    store.close()  # what lies beside an open database is not in its file
    shutil.copy(path, tmp_path / "backup.db")
    store = open_store(f"sqlite:///{path}")
    put(store, shop, *(person(key, satisfaction=1.0) for key in IDS))
    refresh(store, shop)
    store.close()
    shutil.copy(tmp_path / "backup.db", path)
    store = open_store(f"sqlite:///{path}")
    touched = {shard_of(key) for key in IDS}
    for _ in range(3):
        assert {shard for shard, each in enumerate(states(store, shop)) if each is None} == touched
        put(store, shop, *(person(key, satisfaction=2.0 + _) for key in IDS))
    assert refresh(store, shop).made == len(touched)
    assert_whole(store, shop)
    store.close()


def test_too_far_behind_is_not_worth_reading(kept: Store, shop: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.store.snapshot.current.FEW", 2)
    mine = [key for key in IDS if shard_of(key) == shard_of("c00")]
    put(kept, shop, *(person(key, satisfaction=1.0) for key in mine[:2]))
    assert changed(kept, shop) == set(mine[:2])
    put(kept, shop, person(mine[0], satisfaction=2.0))
    assert states(kept, shop)[shard_of("c00")] is None


def test_pruning_leaves_files_that_are_far_behind_untrusted(
    kept: Store, shop: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "KEPT", 3)
    folder, shard = kept.columns, shard_of("c00")
    assert folder is not None
    old = path_of(folder, shard).read_bytes()
    for turn in range(6):
        put(kept, shop, person("c00", satisfaction=float(turn)))
    refresh(kept, shop)
    assert changed(kept, shop) == set()
    path_of(folder, shard).write_bytes(old)
    assert states(kept, shop)[shard] is None
    with kept.read() as connection:
        assert connection.scalar(select(func.count()).where(changes.c.shard == shard)) == 4


# --- people who leave ------------------------------------------------------------------------------------------------


def test_the_forgotten_are_in_no_file_and_no_journal(kept: Store, shop: Catalog) -> None:
    put(kept, shop, person("anna-7", first_name="Annabelle"))
    refresh(kept, shop)
    put(kept, shop, person("anna-7", first_name="Annabelle", satisfaction=3.0))
    folder = kept.columns
    assert folder is not None
    with kept.write() as connection:
        forget(connection, "anna-7")
    assert not any(b"anna-7" in path.read_bytes() for path in folder.iterdir())
    with kept.read() as connection:
        assert "anna-7" not in connection.scalars(select(changes.c.customer_id)).all()
    assert refresh(kept, shop).made == 1
    assert_whole(kept, shop)


def test_who_is_forgotten_while_a_file_is_written_does_not_stay_in_it(
    kept: Store, shop: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(kept, shop, person("c00", satisfaction=3.0))

    def forgotten_meanwhile(connection: Connection, attributes: Any, ids: Any) -> pa.Table:
        found = read_pairs(connection, attributes, ids)
        connection.rollback()
        with kept.write() as other:
            forget(other, "c00")
        return found

    monkeypatch.setattr(room, "read_pairs", forgotten_meanwhile)
    refresh(kept, shop)
    assert kept.columns is not None
    assert not path_of(kept.columns, shard_of("c00")).exists()


def test_dropping_leaves_nothing(kept: Store, shop: Catalog) -> None:
    drop(kept)
    assert kept.columns is not None
    assert list(kept.columns.iterdir()) == []
    put(kept, shop, person("c00", satisfaction=3.0))
    with kept.read() as connection:
        assert not journal.is_kept(connection)


# --- when ------------------------------------------------------------------------------------------------------------


def test_passes_keep_snapshots_of_large_stores_only(
    kept: Store, shop: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(kept)
    assert keep_fresh(kept, shop) == Refreshed()
    monkeypatch.setattr(room, "LARGE", 30)
    assert keep_fresh(kept, shop) == Refreshed()
    monkeypatch.setattr(room, "LARGE", 29)
    assert keep_fresh(kept, shop).made == SHARDS
    monkeypatch.setattr(room, "LARGE", 30)
    monkeypatch.setattr(room, "WORTH", 1)
    put(kept, shop, person("c00", satisfaction=3.0))
    assert keep_fresh(kept, shop) == Refreshed(kept=SHARDS, rows=40)
    put(kept, shop, *(person(key, satisfaction=3.0) for key in IDS))
    assert keep_fresh(kept, shop).renewed == len({shard_of(key) for key in IDS})
    kept.columns = None
    assert keep_fresh(kept, shop) == Refreshed()


def test_a_folder_that_cannot_be_written_costs_time_only(
    kept: Store, shop: Catalog, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder")
    kept.columns = tmp_path / "file"
    with pytest.raises(ColumnsNotWritten, match="cannot be written"):
        refresh(kept, shop)
    assert keep_fresh(kept, shop) == Refreshed()
    assert "read from the database" in caplog.text
    assert states(kept, shop) == [None] * SHARDS


def test_what_an_interrupted_write_left_is_cleared(kept: Store, shop: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kept.columns is not None
    put(kept, shop, person("c00", satisfaction=3.0))

    def power_cut(fd: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", power_cut)
        with pytest.raises(KeyboardInterrupt):
            refresh(kept, shop)
    assert len(list(kept.columns.glob("*.part"))) == 1
    assert changed(kept, shop) == {"c00"}
    refresh(kept, shop)
    assert not list(kept.columns.glob("*.part"))
    assert_whole(kept, shop)


def test_two_processes_may_refresh_at_once(kept: Store, shop: Catalog) -> None:
    failed: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(3):
                refresh(kept, shop)
        except ColumnsNotWritten:
            pass  # the other one cleared what this one was writing
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for turn in range(3):
        put(kept, shop, *(person(key, satisfaction=float(turn)) for key in IDS[::5]))
    for thread in threads:
        thread.join()
    assert failed == []
    refresh(kept, shop)
    assert changed(kept, shop) == set()
    assert_whole(kept, shop)


def test_numbers_come_in_the_order_of_commits(kept: Store, shop: Catalog) -> None:
    """PostgreSQL: who writes while another has not committed waits; so does who begins a journal."""
    if kept.dialect != "postgresql":
        pytest.skip("SQLite has one writer at a time")

    def in_vain(second: Connection, step: Any) -> None:
        second.exec_driver_sql("SET LOCAL lock_timeout = '50ms'")
        step(second)

    with kept.write() as first:
        put_subscriptions(first, shop, [held("more", "c01")], NOW)
        with pytest.raises(DatabaseLocked), kept.write() as second:
            in_vain(second, lambda it: put_customers(it, shop, [person("c09", satisfaction=1.0)], NOW))
    drop(kept)
    with kept.write() as first:
        put_customers(first, shop, [person("c09", satisfaction=1.0)], NOW)
        with pytest.raises(DatabaseLocked), kept.write() as second:
            in_vain(second, journal.begin)


# --- by hand ---------------------------------------------------------------------------------------------------------


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = CliRunner()
    monkeypatch.chdir(tmp_path)
    assert runner.invoke(cli, ["init"]).exit_code == 0
    (tmp_path / "people.csv").write_text("id\nc1\nc2\n")
    assert runner.invoke(cli, ["import", "customers", "people.csv"]).exit_code == 0
    first = runner.invoke(cli, ["db", "columns"])
    assert "Made the columns of 2 rows in" in first.output, first.output
    assert (tmp_path / "carpe.db.columns" / "shard-00.arrow").is_file()
    assert "up to date already" in runner.invoke(cli, ["db", "columns"]).output
    (tmp_path / "people.csv").write_text("id\nc3\n")
    runner.invoke(cli, ["import", "customers", "people.csv"])
    assert "Renewed the columns of 3 rows" in runner.invoke(cli, ["db", "columns"]).output
    assert '"rows": 3' in runner.invoke(cli, ["db", "columns", "--json"]).output
    assert "removed" in runner.invoke(cli, ["db", "columns", "--off"]).output
    assert list((tmp_path / "carpe.db.columns").iterdir()) == []


def test_a_folder_for_postgresql_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CARPE_COLUMNS", raising=False)
    assert Settings.from_environment().columns is None
    monkeypatch.setenv("CARPE_COLUMNS", str(tmp_path))
    assert Settings.from_environment().columns == tmp_path


@pytest.mark.postgres
def test_without_a_folder_the_command_says_what_to_do(
    postgresql: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CARPE_COLUMNS", raising=False)
    url = postgresql.new_database()
    upgrade(url)
    monkeypatch.setattr("sys.argv", ["carpe", "db", "columns", "--database", url])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "CARPE_COLUMNS" in capsys.readouterr().err
