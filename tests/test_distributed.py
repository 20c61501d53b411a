"""A day by way of a snapshot: decided elsewhere and loaded, it is byte for byte what a pass decides here."""

from __future__ import annotations

import datetime as dt
import random
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from conftest import make_tables
from spark_world import (
    CATALOG,
    DAYS,
    FIRST,
    NOW,
    RULES,
    TEXT,
    decide_and_write,
    decided,
    everything,
    filled,
    looked_at,
    pairs_of,
    past_of,
    read,
    write_results,
)

from engine.cli.main import cli
from engine.distributed import export as export_room
from engine.distributed.deciding import decide_group
from engine.distributed.errors import AnotherFormat, AnotherRuleset, AsksTheStore, FolderTaken, ResultsMissing
from engine.distributed.export import export
from engine.distributed.load import load, open_results
from engine.distributed.run import run
from engine.distributed.work import Work
from engine.errors import CarpeError
from engine.passes import run_pass
from engine.pauses import pause
from engine.store.experiments import assign
from engine.store.forget import forget
from engine.store.session import Store, open_store
from engine.store.state import put_customers, put_subscriptions
from engine.store.suppressions import suppress_customer
from engine.store.tables import (
    assignments,
    batches,
    customers,
    decisions,
    deliveries,
    exposures,
    offer_changes,
    offers,
    passes,
)
from tests import world

DAY = DAYS[1]
WORK = Work(RULES, DAY, NOW, frozenset(), frozenset())


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A filled database, to be copied."""
    path = tmp_path_factory.mktemp("template") / "carpe.db"
    make_tables(path)
    opened = open_store(f"sqlite:///{path}")
    filled(opened)
    opened.close()
    return path


@pytest.fixture
def here(template: Path, tmp_path: Path) -> Iterator[Store]:
    """The store that results are loaded into."""
    yield from _copy(template, tmp_path / "here.db")


@pytest.fixture
def local(template: Path, tmp_path: Path) -> Iterator[Store]:
    """Another one, for what a pass decides."""
    yield from _copy(template, tmp_path / "local.db")


def _copy(template: Path, path: Path) -> Iterator[Store]:
    shutil.copy(template, path)
    opened = open_store(f"sqlite:///{path}")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def state(template: Path) -> Path:
    for opened in _copy(template, template.with_name("snapshot.db")):
        export(opened, RULES.catalog, template.with_name("state"), NOW)
    return template.with_name("state")


@pytest.fixture(scope="module")
def out(template: Path, state: Path) -> Path:
    """The day decided elsewhere."""
    folder = template.with_name("out")
    write_results(WORK, state, folder, decided(WORK, state))
    return folder


Left = tuple[dict[str, list[str]], list[str]]


@pytest.fixture(scope="module")
def passed(template: Path) -> Left:
    """What a pass leaves of the day."""
    for opened in _copy(template, template.with_name("passed.db")):
        run_pass(opened, RULES, NOW, day=DAY)
        return left_in(opened)
    raise AssertionError


def tags_of(store: Store) -> list[tuple[Any, ...]]:
    with store.read() as connection:
        return sorted(connection.execute(sa.select(customers.c.id, sa.cast(customers.c.tags, sa.Text))).all())


def count(store: Store, what: Any) -> int:
    with store.read() as connection:
        return int(connection.scalar(sa.select(sa.func.count()).select_from(what)))


def left_in(store: Store) -> Left:
    return everything(store, DAY), [f"{key} {tags}".replace(" ", "") for key, tags in tags_of(store)]


def test_what_only_the_store_remembers_is_decided_there(tmp_path: Path) -> None:
    """No machine elsewhere is asked, so none takes of a limit that others take of, too."""
    clauses = "hold out 10% at most once per 2 days at most 5 customers per day"
    told = world.ruleset(f'rule a on birthday say "A." via in_app {clauses}', CATALOG)
    with pytest.raises(
        AsksTheStore, match=r"Budgets and limits need the store at hand \(a\): decide the day with `carpe run`"
    ):
        run(str(tmp_path / "state"), told, DAY, str(tmp_path / "out"), NOW, "local[1]")


def test_a_day_decided_elsewhere_is_what_a_pass_decides(store: Store, passed: Left, tmp_path: Path) -> None:
    """And loading it again, or a pass over the same day, changes nothing."""
    filled(store)
    results = open_results(str(decide_and_write(store, tmp_path)), RULES)
    report = load(store, RULES, results, NOW)
    assert left_in(store) == passed
    assert {rule for rule, counts in report.rules.items() if counts["offered"]} > {"wishes", "quiet"}
    assert report.total("held") > 20
    assert report.contacts > 20
    made = count(store, passes), count(store, batches)
    assert load(store, RULES, results, NOW + dt.timedelta(hours=1)).rules == {}
    assert (count(store, passes), count(store, batches)) == made
    run_pass(store, RULES, NOW, day=DAY)
    assert left_in(store) == passed


POLICIES = """
  hold_out: 20%
  quiet: {email: {from: "08:00", until: "20:00"}}
  propensity: {prior: 20%}
"""
CAPS = """
  caps: [{channel: in_app, at_most: 1, per: 40 days}]
  after_decline: 60 days
  after_offer: 20 days
"""
ONCE = """
rule lately on 2026-02-28 where country is known say "C." via email at most once per 90 days
rule early on 2026-01-29 where country is known say "D." via email at most once per 90 days
"""
TRIED = """
rule tried on 2026-02-28 where country is known say "A." via email priority 9 hold out 30%
rule halves on 2026-02-28 where country is known via in_app split 40% offer premium tag one 30% say "B."
"""


def arms_left(store: Store) -> list[str]:
    """Who is in which arm, and who was exposed to what."""
    with store.read() as connection:
        arms = connection.execute(sa.select(assignments.c.experiment, assignments.c.customer_id, assignments.c.arm))
        seen = connection.execute(sa.select(*(column for column in exposures.c if column.name != "exposed_at")))
        return sorted(map(str, [*map(tuple, arms), *map(tuple, seen)]))


def test_arms_and_quiet_hours_are_kept_to_elsewhere(here: Store, local: Store, tmp_path: Path) -> None:
    """Who was assigned before stays; what is sent waits for the morning; what was exposed is written."""
    catalog = CATALOG.rstrip() + POLICIES
    rules = world.ruleset(TEXT + TRIED, catalog)
    with here.read() as connection:
        before = connection.execute(sa.select(customers.c.id).order_by(customers.c.id)).scalars().all()[:5]
    for each in (here, local):
        with each.write() as connection:
            assign(connection, {("hold_out:tried", one): "held_out" for one in before}, NOW)
    load(here, rules, open_results(str(decide_and_write(here, tmp_path, rules=rules)), rules), NOW)
    run_pass(local, rules, NOW, day=DAY)
    assert left_in(here) == left_in(local)
    assert arms_left(here) == arms_left(local)
    told = "".join(arms_left(local))
    assert all(each in told for each in ("portfolio", "hold_out:tried", "split:halves", "control"))
    sent = sa.exists().where(deliveries.c.decision_id == decisions.c.id, deliveries.c.due_at > decisions.c.due_at)
    assert count(here, sa.select(decisions.c.id).where(sent).subquery())


def test_caps_and_cool_downs_count_what_was_sent_before(here: Store, local: Store, tmp_path: Path) -> None:
    """Contacts but those none of which may be sent, declined offers, and customers who want nothing any more."""
    rules = world.ruleset(TEXT + ONCE, CATALOG.rstrip() + CAPS)
    for each in (here, local):
        with each.write() as connection:
            some = connection.scalars(sa.select(decisions.c.id).where(decisions.c.slot == 1).order_by("id")).all()
            gone = deliveries.c.decision_id.in_(some[::5])
            connection.execute(deliveries.update().where(gone).values(state="withheld"))
            made = connection.scalars(sa.select(offers.c.id).order_by(offers.c.id)).all()[::2]
            connection.execute(offers.update().where(offers.c.id.in_(made)).values(state="declined"))
            said = {"state": "declined", "at": FIRST + dt.timedelta(days=30), "by": "customer"}
            connection.execute(offer_changes.insert(), [said | {"offer_id": one} for one in made])
            connection.execute(offers.update().where(offers.c.id.in_(made)).values(state_at=said["at"]))
            for one in connection.scalars(sa.select(customers.c.id).order_by(customers.c.id)).all()[:3]:
                suppress_customer(connection, one, "asked", NOW)
    load(here, rules, open_results(str(decide_and_write(here, tmp_path, rules=rules)), rules), NOW)
    run_pass(local, rules, NOW, day=DAY)
    assert left_in(here) == left_in(local)
    held = "".join(left_in(local)[0]["decisions"])
    assert all(f'"{reason}"' in held for reason in ("capped", "suppressed"))


def test_what_was_cut_short_goes_on(here: Store, passed: Left, out: Path) -> None:
    results = open_results(str(out), RULES)
    left = iter(range(7))

    def killed(connection: sa.Connection) -> None:
        if next(left, None) is None:
            raise CarpeError("killed")

    with pytest.raises(CarpeError, match="killed"):
        load(here, RULES, results, NOW, check=killed)
    partly = count(here, decisions)
    load(here, RULES, results, NOW)
    assert count(here, decisions) > partly
    assert left_in(here) == passed


def test_a_day_that_was_decided_here_meanwhile_stays(local: Store, out: Path) -> None:
    results = open_results(str(out), RULES)
    run_pass(local, RULES, NOW, day=DAY)
    before = everything(local, DAY)
    assert load(local, RULES, results, NOW).pass_id is None
    assert everything(local, DAY) == before


def test_batches_that_were_finished_before_are_left_out(local: Store, tmp_path: Path) -> None:
    run_pass(local, world.without(RULES, "renew", "full", "everybody"), NOW, day=DAY)
    results = open_results(str(decide_and_write(local, tmp_path)), RULES)
    assert set(results.decisions.to_table()["rule"].to_pylist()) <= {"renew", "full", "everybody"}
    load(local, RULES, results, NOW)
    met = everything(local, DAY)["decisions"]
    assert any('"everybody"' in each for each in met)
    run_pass(local, RULES, NOW, day=DAY)
    assert everything(local, DAY)["decisions"] == met


def test_who_was_erased_meanwhile_is_left_out(here: Store, out: Path) -> None:
    results = open_results(str(out), RULES)
    rows = results.decisions.to_table().to_pylist()
    gone = next(row["customer_id"] for row in rows if row["result"] == "offered")
    theirs = [row for row in rows if row["customer_id"] == gone]
    with here.write() as connection:
        forget(connection, gone)
    report = load(here, RULES, results, NOW)
    assert gone not in str(everything(here, DAY))
    assert report.total("due") == sum(results.counters.to_table()["due"].to_pylist()) - len(theirs)
    every = count(here, decisions) - sum(counts["offered"] + counts["held"] for counts in report.rules.values())
    with here.read() as connection:
        assert every == connection.scalar(sa.select(sa.func.count()).where(decisions.c.local_date != DAY))


def test_an_occurrence_that_was_won_since_is_not_won_again(here: Store, out: Path) -> None:
    """Another process's decision about the same occurrence, which no batch of this day tells of."""
    results = open_results(str(out), RULES)
    row = next(row for row in results.decisions.to_table().to_pylist() if row["slot"] == 1)
    other = {column.name: row.get(column.name) for column in decisions.c} | {"id": "0" * 32, "rule": "another"}
    with here.write() as connection:
        connection.execute(decisions.insert().values(other))
    report = load(here, RULES, results, NOW)
    with here.read() as connection:
        mine = connection.execute(sa.select(decisions).where(decisions.c.id == row["id"])).one()
        sent = connection.scalar(sa.select(sa.func.count()).where(deliveries.c.decision_id == row["id"]))
    assert (mine.result, mine.reason, mine.detail, mine.slot, sent) == ("held", "outranked", "another", None, 0)
    counts = report.rules[row["rule"]]
    assert counts["due"] == counts["offered"] + counts["held"] + counts["not_matched"]


def moved(store: Store, at: dt.datetime) -> None:
    """Some customers live elsewhere from now on, and some subscriptions begin anew."""
    made = world.world(60, 1)
    people = [one | {"customer.timezone": "Pacific/Auckland"} for one in made.customers[::7]]
    held = [one | {"subscription.started_on": dt.date(2025, 8, 28)} for one in made.subscriptions[::9]]
    with store.write() as connection:
        put_customers(connection, RULES.catalog, people, at)
        put_subscriptions(connection, RULES.catalog, held, at)


def test_who_moved_before_is_decided_with_what_was_met_before(here: Store, local: Store, tmp_path: Path) -> None:
    for each in (here, local):
        moved(each, NOW)
    results = open_results(str(decide_and_write(here, tmp_path)), RULES)
    aside = {row["customer.id"] for row in read(tmp_path / f"state-{DAY}", "customers").to_pylist() if row["moved"]}
    assert aside
    assert not aside.intersection(results.decisions.to_table()["customer_id"].to_pylist())
    load(here, RULES, results, NOW)
    run_pass(local, RULES, NOW, day=DAY)
    assert left_in(here) == left_in(local)


def test_who_came_after_the_snapshot_is_met_by_the_next_pass(here: Store, out: Path) -> None:
    results = open_results(str(out), RULES)
    newcomer = {
        "customer.id": "new",
        "customer.timezone": "Asia/Tokyo",
        "customer.country": "DE",
        "customer.date_of_birth": dt.date(1990, 2, 28),
    }
    with here.write() as connection:
        put_customers(connection, RULES.catalog, [newcomer], NOW)
    load(here, RULES, results, NOW)
    run_pass(here, RULES, dt.datetime(2026, 2, 28, 20, tzinfo=dt.UTC))
    theirs = sa.select(decisions.c.rule).where(decisions.c.customer_id == "new").order_by(decisions.c.rule)
    with here.read() as connection:
        assert "germans" in connection.scalars(theirs).all()


def test_what_is_paused_is_held_there_too(here: Store, local: Store, tmp_path: Path) -> None:
    for each in (here, local):
        with each.write() as connection:
            pause(connection, "wishes", "the wording", NOW)
    load(here, RULES, open_results(str(decide_and_write(here, tmp_path)), RULES), NOW)
    run_pass(local, RULES, NOW, day=DAY)
    assert left_in(here) == left_in(local)


def rows(table: pa.Table) -> list[str]:
    decisions = table.filter(pc.equal(table["what"], "decision")).drop_columns("count")
    return sorted(map(str, decisions.to_pylist()))


def test_neither_groups_nor_the_order_of_rows_change_anything(state: Path) -> None:
    pairs, past = pairs_of(state, WORK), past_of(state)
    order = random.Random(5).sample(range(pairs.num_rows), pairs.num_rows)
    seen = looked_at(WORK, pairs.take(order), past)
    left = seen.filter(pc.is_null(seen["due"]))
    parts = [decide_group(WORK, left.filter(_share(left, n)), past.filter(_share(past, n))) for n in range(5)]
    assert rows(pa.concat_tables(parts)) == rows(decided(WORK, state)[0])


def _share(table: pa.Table, number: int) -> pa.Array:
    return pa.array([int(key[1:]) % 5 == number for key in table["customer.id"].to_pylist()])


def test_blocks_of_customers_change_nothing(state: Path, local: Store, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(export_room, "BLOCK", 7)
    monkeypatch.setattr(export_room, "AT_ONCE", 3)
    export(local, RULES.catalog, tmp_path / "small", NOW)
    for name in sorted(path.name for path in state.iterdir()):
        one, other = read(tmp_path / "small", name), read(state, name)
        assert one.schema == other.schema
        assert sorted(map(str, one.to_pylist())) == sorted(map(str, other.to_pylist())), name


# --- what stands in the way ------------------------------------------------------------------------------------------


def test_a_snapshot_appears_whole_or_not_at_all(local: Store, tmp_path: Path) -> None:
    def stop(rows: int) -> None:
        raise CarpeError("stopped")

    with pytest.raises(CarpeError, match="stopped"):
        export(local, RULES.catalog, tmp_path / "state", NOW, stop)
    assert [path.name for path in tmp_path.iterdir() if "state" in path.name] == []
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine").touch()
    with pytest.raises(FolderTaken, match="already: name a folder that is new or empty"):
        export(local, RULES.catalog, tmp_path / "taken", NOW)


def test_results_of_other_rules_are_refused(out: Path, tmp_path: Path) -> None:
    with pytest.raises(AnotherRuleset, match="decide the day again"):
        open_results(str(out), replace(RULES, digest="other"))
    shutil.copytree(out, tmp_path / "older")
    told = read(out, "manifest")
    older = told.set_column(told.column_names.index("format"), "format", pa.array(["2"]))
    pq.write_table(older, next((tmp_path / "older" / "manifest").iterdir()))
    with pytest.raises(AnotherFormat, match="written by another version of Carpe: write it again with this one"):
        open_results(str(tmp_path / "older"), RULES)
    with pytest.raises(ResultsMissing, match="no finished decisions"):
        open_results(str(tmp_path / "nowhere"), RULES)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--engine", "spark"), "needs --state, --as-of and --out"),
        (("--out", "there"), "go with --engine spark"),
    ],
)
def test_usage_is_explained(arguments: tuple[str, ...], said: str) -> None:
    done = CliRunner().invoke(cli, ["run", *arguments])
    assert done.exit_code == 2
    assert said in done.output


def test_without_spark_the_command_says_what_to_install(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pyspark", None)
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    (tmp_path / "catalog.yaml").write_text(world.CATALOG)
    (tmp_path / "all.rules").write_text(world.RULES)
    asked = ["run", "--engine", "spark", "--rules", str(tmp_path), "--state", str(tmp_path), "--out", "there"]
    asked += ["--as-of", "2026-02-28"]
    done = CliRunner().invoke(cli, asked)
    assert str(done.exception) == "This needs Spark, which is not installed: run `pip install 'carpe[spark]'`."


def test_commands_by_hand(tmp_path: Path, monkeypatch: Any) -> None:
    """`carpe snapshot` and `carpe load-decisions` on a database and a folder of rules."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "catalog.yaml").write_text(world.CATALOG)
    make_tables(tmp_path / "carpe.db")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["snapshot", "--out", "state"])
    assert done.output == "Wrote 0 customers, 0 subscriptions, 0 events to state.\n"
    done = CliRunner().invoke(cli, ["load-decisions", "state"])
    assert "no finished decisions in state" in str(done.exception)
