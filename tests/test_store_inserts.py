"""Columns are inserted as rows are, whatever they hold, on both databases."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.store import binary_copy
from engine.store.documents import dump
from engine.store.inserts import columns_of, insert_columns, insert_values
from engine.store.session import Store
from engine.store.tables import decisions, receipts

texts = st.text(st.sampled_from("ab\"'\\,\n\t\x1f\x7f\u2028é😀{}"), max_size=6)
_Y2000 = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
instants = st.integers(-(10**15) + 7, 6 * 10**15).map(lambda micros: _Y2000 + dt.timedelta(microseconds=micros))
rows = st.fixed_dictionaries(
    {
        "rule": texts,
        "moment": st.sampled_from(("m", "")),
        "offset": st.integers(-(2**31), 2**31 - 1),
        "subject": texts,
        "occurrence": texts,
        "customer_id": texts,
        "subscription_id": st.none() | texts,
        "result": st.sampled_from(("held", "offered")),
        "reason": st.none() | texts,
        "detail": st.none() | texts,
        "offer": st.none() | texts,
        "channels": st.lists(texts, max_size=2),
        "slot": st.none(),
        "local_date": st.dates(dt.date(1970, 1, 2), dt.date(2200, 1, 1)),
        "due_at": instants,
        "decided_at": instants,
        "ruleset": texts,
        "pass_id": st.none() | st.integers(0, 2**62),
    }
)


def kept(store: Store, table: sa.Table) -> list[tuple]:
    with store.read() as connection:
        return [tuple(row) for row in connection.execute(sa.select(table).order_by(table.c[0]))]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some=st.lists(rows, min_size=1, max_size=6, unique_by=(lambda row: row["rule"])))
def test_columns_are_kept_as_rows_are(store: Store, some: list[dict]) -> None:
    named = [{"id": f"{number:032}", **row} for number, row in enumerate(some)]
    bodies = [{"decision_id": row["id"], "body": {"clauses": [row["rule"]], "at": row["offset"]}} for row in named]
    found = []
    for by_columns in (False, True):
        with store.write() as connection:
            connection.execute(receipts.delete())
            connection.execute(decisions.delete())
            if by_columns:
                as_text = [row | {"channels": dump(row["channels"])} for row in named]
                insert_columns(connection, decisions, columns_of(decisions, as_text))
                as_text = [row | {"body": dump(row["body"])} for row in bodies]
                insert_columns(connection, receipts, columns_of(receipts, as_text))
            else:
                insert_values(connection, decisions, named)
                insert_values(connection, receipts, bodies)
        found.append((kept(store, decisions), kept(store, receipts)))
    assert found[0] == found[1]
    assert len(found[0][0]) == len(some)


def test_many_rows_go_in_pieces_and_a_repeated_key_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binary_copy, "ROWS_AT_ONCE", 3)
    line = {"moment": "m", "offset": 0, "occurrence": "o", "customer_id": "c", "result": "held", "channels": "[]"}
    at = dt.datetime(2026, 3, 15, tzinfo=dt.UTC)
    line |= {"local_date": at.date(), "due_at": at, "decided_at": at, "ruleset": "", "rule": "r"}
    some = columns_of(decisions, [line | {"id": str(number), "subject": str(number)} for number in range(8)])
    with store.write() as connection:
        insert_columns(connection, decisions, some)
        insert_columns(connection, decisions, some.slice(0, 0))
    assert len(kept(store, decisions)) == 8
    with pytest.raises(Exception, match=r"(?i)unique|duplicate"), store.write() as connection:
        insert_columns(connection, decisions, some.slice(7))


def test_a_column_of_another_kind_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match=r"x\.y has no binary form"):
        list(binary_copy._field(sa.Table("x", sa.MetaData(), sa.Column("y", sa.LargeBinary)).c.y, pa.array([b""])))
