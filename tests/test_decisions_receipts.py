"""Receipts written as columns are those written one by one, and so is everything beside them."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsl.catalog import AttributeDeclaration, Catalog
from dsl.typed import Condition
from dsl.typed import Test as Asked
from engine.decisions import clause_texts as room
from engine.decisions.clause_texts import ClauseTexts
from engine.decisions.distinct import Codes
from engine.decisions.identity import decision_id, decision_ids
from engine.decisions.json_texts import json_texts
from engine.decisions.receipts import receipt
from engine.decisions.rule_table import compile_rules
from engine.matching.interpreter import holds
from engine.matching.plan import Plan
from engine.matching.rows import full_rows
from engine.passes import run_pass
from engine.privacy import personal_keys
from engine.store.documents import dump
from engine.store.session import open_store
from engine.store.tables import decisions, receipts
from tests import world
from tests.conftest import make_tables
from tests.strategies import ATTRIBUTES, DAYS, conditions, make_batch, make_rows, rule

NOW = dt.datetime(2026, 3, 20, tzinfo=dt.UTC)
PERSONAL = {one.name for one in ATTRIBUTES[::3]}
CATALOG = Catalog(
    "USD",
    "UTC",
    customer={
        one.name: AttributeDeclaration(one.name, one.owner, one.type, one.name in PERSONAL) for one in ATTRIBUTES
    },
    channels=("log",),
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[dt.date, list[Condition], int]:
    today = draw(st.sampled_from(DAYS))
    some = draw(st.lists(conditions(today, leaves=6, computing=True), min_size=4, max_size=4))
    return today, some, draw(st.integers(0, 2**32))


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases(), st.booleans())
def test_clauses_of_many_decisions_are_those_of_each(case: tuple[dt.date, list[Condition], int], plainly: bool) -> None:
    today, some, seed = case
    rules = [rule(condition, f"r{number}") for number, condition in enumerate(some)]
    plan, rows = Plan(some), make_rows(70, today, seed)
    batch = make_batch(rows, plan.attributes, plainly=plainly)
    read = full_rows(batch, plan.attributes, ())
    met = [(row, n) for row in range(len(rows)) for n in range(4) if holds(some[n], read[row], today) is True]
    places = np.array(met, np.int64).reshape(-1, 2)
    texts = ClauseTexts(compile_rules(rules, CATALOG), today)
    hidden = personal_keys(CATALOG)
    expected = [dump(receipt(rules[n], read[row], today, (), hidden)["clauses"])[1:-1] for row, n in met]
    for _ in range(2):  # from what was kept, too
        assert texts.of(batch, places[:, 0], places[:, 1]).to_pylist() == expected


def test_answers_that_are_not_kept_are_worked_out_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "ANSWERS_KEPT", 2)
    today, seats = DAYS[0], next(one for one in ATTRIBUTES if one.name == "seats")
    asked = Asked("is_known", seats, (), "seats is known")
    counts = [*range(5), *range(5)]
    batch = pa.table({seats.key: counts})
    texts = ClauseTexts(compile_rules([rule(asked)], CATALOG), today)
    found = texts.of(batch, np.arange(10), np.zeros(10, np.int64)).to_pylist()
    assert found == [f'["seats is known","{count}",true,0]' for count in counts]


def test_nothing_decided_has_no_receipts() -> None:
    nothing = np.zeros(0, np.int64)
    texts = ClauseTexts(compile_rules([rule(Asked("is_true", ATTRIBUTES[5], ()))], CATALOG), DAYS[0])
    assert texts.of(pa.table({ATTRIBUTES[5].key: pa.array([], pa.bool_())}), nothing, nothing).to_pylist() == []


def test_a_receipt_names_all_candidates_of_its_occasion_by_rank(tmp_path: Path) -> None:
    """By plain loops over the decisions of a pass: what could win first, then as arbitration ranks."""
    make_tables(tmp_path / "carpe.db")
    store, rules = open_store(f"sqlite:///{tmp_path}/carpe.db"), world.ruleset()
    world.put(store, rules, world.world(), NOW)
    run_pass(store, rules, NOW, day=dt.date(2026, 2, 28))
    with store.read() as connection:
        both = decisions.join(receipts, receipts.c.decision_id == decisions.c.id)
        lines = connection.execute(sa.select(decisions, receipts.c.body).select_from(both)).all()
    priority = {rule.name: rule.priority for rule in rules.rules}
    occasions = defaultdict(list)
    for line in lines:
        held = line.reason not in (None, "outranked")
        rank = held, -priority[line.rule], line.rule, line.subject, line.subscription_id or ""
        told = [line.rule, priority[line.rule], line.result, line.reason, line.detail]
        occasions[line.customer_id, line.due_at].append((rank, told))
    assert max(map(len, occasions.values())) > 2
    for line in lines:
        expected = [told for _, told in sorted(occasions[line.customer_id, line.due_at])]
        assert line.body["candidates"] == expected


# --- what they are made of -------------------------------------------------------------------------------------------

hostile = st.text(st.sampled_from('ab:1",\\\x1f\n\x00\x7f\u2028é😀'), max_size=4)


@given(st.lists(st.none() | hostile))
def test_json_texts_are_what_the_store_dumps(some: list[str | None]) -> None:
    assert json_texts(pa.array(some, pa.string())).to_pylist() == [dump(each) for each in some]


@given(st.lists(st.tuples(st.none() | st.lists(hostile, max_size=3), st.none() | hostile), min_size=1))
def test_rows_have_one_number_where_they_have_the_same_values(some: list[tuple[list[str] | None, str | None]]) -> None:
    lists, names = zip(*some, strict=True)
    table = pa.table({"l": pa.array(lists, pa.list_(pa.string())), "n": pa.array(names, pa.string())})
    for columns, values in ((("l",), lists), (("n",), names), (("l", "n"), some)):
        for sliced in (0, 1):
            codes = Codes(table.slice(sliced)).of(columns).tolist()
            seen = [repr(each) for each in values[sliced:]]
            assert len(set(zip(codes, seen, strict=True))) == len(set(codes)) == len(set(seen))


@given(st.lists(st.tuples(st.sampled_from(("a", "b:", "ü")), hostile, hostile), max_size=6))
def test_ids_of_many_are_those_of_each(some: list[tuple[str, str, str]]) -> None:
    names = ("a", "b:", "ü")
    keys = {"subject": [subject for _, subject, _ in some], "occurrence": [key for *_, key in some]}
    table = pa.table({name: pa.array(values, pa.string()) for name, values in keys.items()})
    rules = np.array([names.index(name) for name, *_ in some], np.int64)
    found = decision_ids(names, table, np.arange(len(some)), rules)
    assert found == [decision_id(*each) for each in some]
