"""The offers that a decided batch makes, as columns of their table: prices frozen as quoted, each written once."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dsl.catalog import Owner
from engine.decisions.batch_precedents import segment_names
from engine.decisions.json_texts import dumped
from engine.decisions.results import Outcome
from engine.decisions.rule_table import Ints
from engine.offers.making import BASIS, expiry
from engine.offers.quoted import kept_quote
from engine.offers.states import State

_INSTANT = pa.timestamp("us", "UTC")


def offers_of(outcome: Outcome, decisions: pa.Table, now: dt.datetime) -> pa.Table:
    """One row a winner that offers something; `decisions` are the rows of all candidates."""
    found = outcome.decided.candidates
    mine = np.flatnonzero(outcome.decided.won & (found.asked >= 0))
    row, count = found.row[mine], len(mine)
    told = decisions.take(pa.array(mine))
    which, distinct = outcome.prices.amounts(row, found.asked[mine])
    place = pa.array(which)
    return pa.table(
        {
            "id": told["id"],
            "rule": told["rule"],
            "product": told["offer"],
            "customer_id": told["customer_id"],
            "subscription_id": told["subscription_id"],
            "segment": segment_names(outcome.batch.table, outcome.batch.rules.catalog).take(pa.array(row)),
            "price": pa.array([one.price for one in distinct], pa.int64()).take(place),
            "currency": pa.array([one.currency for one in distinct], pa.string()).take(place),
            "discount": pa.array([one.discount_cost for one in distinct], pa.int64()).take(place),
            "quote": dumped([dict(kept_quote(one)) for one in distinct]).take(place),
            "basis": _basis(outcome.batch.table.take(pa.array(row))),
            "made_at": pa.repeat(pa.scalar(now, _INSTANT), count),
            "expires_at": _expiry(outcome, found.rule[mine], row, now),
            "state": pa.repeat(pa.scalar(str(State.OFFERED)), count),
            "state_at": pa.repeat(pa.scalar(now, _INSTANT), count),
        }
    )


def _basis(rows: pa.Table) -> pa.Array:
    """What the quote of each row was made from, as JSON text; what is missing is left out."""
    keys = {name: f"{Owner.SUBSCRIPTION}.{name}" for name in BASIS}
    known = {
        name: rows[key].cast(pa.string()).combine_chunks() for name, key in keys.items() if key in rows.schema.names
    }
    told = pc.binary_join_element_wise(*(pc.fill_null(each, "\1") for each in known.values()), "\0")
    coded = told.dictionary_encode()
    first = np.unique(coded.indices.to_numpy(), return_index=True)[1]
    some = pa.table(known).take(pa.array(first)).to_pylist()
    return dumped([{name: text for name, text in one.items() if text is not None} for one in some]).take(coded.indices)


def _expiry(outcome: Outcome, rule: Ints, row: Ints, now: dt.datetime) -> pa.Array:
    """When each offer expires, worked out once for each rule and time zone."""
    rules = outcome.batch.rules.rules
    zones = outcome.batch.table["zone"].combine_chunks().dictionary_encode()
    names = zones.dictionary.to_pylist()
    pairs, which = np.unique(rule * max(len(names), 1) + zones.indices.to_numpy()[row], return_inverse=True)
    ends = [expiry(rules[pair // len(names)], now, names[pair % len(names)]) for pair in pairs.tolist()]
    return pa.array(ends, _INSTANT).take(pa.array(which.reshape(-1)))
