"""Slots of occasions, won one after another: the columns beside a clerk who serves one candidate at a time."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from test_contacts import CHANNELS, DAY, DAYS, NINE, Ask, Met, World, before, candidates, contacts, policy

from dsl.catalog import Policies
from dsl.contact_policies import Cap
from dsl.windows import Window
from engine.contacts.award import Awards, Result, award
from engine.contacts.check import Before, check
from engine.contacts.columns import Declines
from engine.contacts.policy import ContactPolicy

WON, HELD, OUTRANKED, HELD_OUT = Result.WON, Result.HELD, Result.OUTRANKED, Result.HELD_OUT


def awarded(
    asks: Sequence[Ask], said: Policies, met: Sequence[Met] = (), held_out: Sequence[int] = (), order=None
) -> Awards:
    """The rank is the place in the list."""
    rank = np.arange(len(asks)) if order is None else np.array(order)
    out = np.isin(rank, held_out)
    return award(candidates(asks), rank, out, before(met), policy(said))


def test_one_contact_an_occasion_unless_the_catalog_says_otherwise() -> None:
    found = awarded([Ask(NINE), Ask(NINE, channels=0b100), Ask(NINE + 1)], Policies())
    assert found.result.tolist() == [WON, OUTRANKED, WON]
    assert found.channels.tolist() == [1, 0, 1]


def test_a_channel_with_slots_of_its_own_fills_them_in_order_of_rank() -> None:
    said = Policies(slots={"in_app": 2})
    rows = [Ask(NINE, channels=bits) for bits in (0b101, 0b100, 0b100, 0b001, 0b110)]
    found = awarded(rows, said)
    assert found.result.tolist() == [WON, WON, OUTRANKED, OUTRANKED, OUTRANKED]
    assert found.channels.tolist() == [0b101, 0b100, 0, 0, 0]
    assert awarded(rows[1:], said).channels.tolist() == [0b100, 0b100, 0b001, 0]


def test_what_won_counts_for_the_next_occasion_of_the_same_batch() -> None:
    said = Policies(caps=(Cap("any", 1, Window(1, DAYS)),), slots={"in_app": 3})
    rows = [Ask(NINE + DAY), Ask(NINE), Ask(NINE + DAY - 1), Ask(NINE, channels=0b100)]
    found = awarded(rows, said)
    assert found.result.tolist() == [WON, WON, HELD, HELD]


def test_a_customer_held_out_leaves_the_slot_to_the_next_and_counts_for_other_occasions() -> None:
    said = Policies(caps=(Cap("any", 1, Window(1, DAYS)),))
    rows = [Ask(NINE), Ask(NINE, rule=1), Ask(NINE, rule=2), Ask(NINE + 1)]
    assert awarded(rows, said, held_out=[0]).result.tolist() == [HELD_OUT, WON, OUTRANKED, HELD]
    assert awarded(rows, said, held_out=[0, 1, 2]).result.tolist() == [HELD_OUT, HELD_OUT, HELD_OUT, HELD]
    assert awarded(rows, said, held_out=[0]).channels.tolist() == [1, 1, 0, 0]


def clerk(world: World, asks: Sequence[Ask], held_out: np.ndarray, there: ContactPolicy) -> list[tuple[Result, int]]:
    """One candidate at a time, in the order of instants and ranks; slots counted by channel."""
    met = list(world.met)
    left: dict[tuple[int, int], dict[str, int]] = defaultdict(lambda: {"": 1, **world.said.slots})
    results: dict[int, tuple[Result, int]] = {}
    for place in sorted(range(len(asks)), key=lambda each: (asks[each].customer, asks[each].at, each)):
        ask = asks[place]
        known = Before(contacts(met), Declines(*np.array(world.declined, np.int64).reshape(-1, 3).T))
        open_ = int(check(candidates([ask]), known, there).open[0])
        slots = left[ask.customer, ask.at]
        of = {channel: channel if channel in world.said.slots else "" for channel in CHANNELS}
        channels = sum(1 << n for n, channel in enumerate(CHANNELS) if open_ >> n & 1 and slots[of[channel]])
        if not any(slots.values()):
            results[place] = OUTRANKED, 0
        elif not channels:
            results[place] = (OUTRANKED if open_ else HELD), 0
        else:
            results[place] = (HELD_OUT if held_out[place] else WON), channels
            met.append(Met(ask.at, ask.customer, ask.rule, ask.product, ask.purpose, channels, bool(held_out[place])))
            used = {of[channel] for n, channel in enumerate(CHANNELS) if channels >> n & 1}
            for one in used if not held_out[place] else ():
                slots[one] -= 1
    return [results[place] for place in range(len(asks))]


@given(st.integers(0, 10**9))
def test_awards_beside_a_clerk_in_any_order_of_rows(seed: int) -> None:
    world, draw = World(seed), random.Random(seed + 2)
    world.said = replace(world.said, slots=draw.choice([{}, {"in_app": 2}, {"email": 1, "sms": 2}]))
    asks = [replace(ask, consented=ask.consented | draw.choice([0, 7])) for ask in world.asks]
    held_out = np.array([draw.random() < 0.3 for _ in asks])
    there = policy(world.said, world.once)
    known = before(world.met, world.declined)
    order = draw.sample(range(len(asks)), len(asks))
    rows = [asks[place] for place in order]
    found = award(candidates(rows), np.array(order), held_out[order], known, there)
    expected = clerk(world, asks, held_out, there)
    pairs = list(zip(found.result.tolist(), found.channels.tolist(), strict=True))
    assert pairs == [expected[place] for place in order]
    held = [row.channels != 0 and result == HELD for row, result in zip(rows, found.result, strict=True)]
    assert [cause >= 0 for cause in found.cause] == held
