"""Rates learned from outcomes: exact quantiles, honest intervals, draws that depend on nothing else, less regret."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import comb

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.hashing import text_hash
from engine.propensity.beta import quantiles
from engine.propensity.outcomes import Outcomes, Prior, counted
from engine.propensity.pooling import Beliefs, learn
from engine.propensity.scores import brought, drawn, draws, expected

Floats = np.ndarray


def outcomes(shown: list[list[int]], accepted: list[list[int]]) -> Outcomes:
    return Outcomes(np.array(shown, np.int64), np.array(accepted, np.int64))


# --- quantiles -------------------------------------------------------------------------------------------------------


def below(x: float, a: int, b: int) -> float:
    """P(Beta(a, b) <= x) for whole a and b, exactly: at least a heads in a + b - 1 throws."""
    heads, throws = Fraction(x), a + b - 1
    return float(sum(comb(throws, k) * heads**k * (1 - heads) ** (throws - k) for k in range(a, throws + 1)))


@pytest.mark.parametrize(("a", "b"), [(1, 1), (1, 19), (2, 1), (3, 50), (30, 12), (100, 100)])
def test_quantiles_against_the_exact_sum_of_binomials(a: int, b: int) -> None:
    asked = np.array([0.001, 0.05, 0.3, 0.5, 0.8, 0.99])
    found = quantiles(asked, a, b)
    assert [below(float(x), a, b) for x in found] == pytest.approx(asked.tolist(), abs=2e-4)


@given(st.floats(0.5, 1e6), st.floats(0.5, 1e6), st.lists(st.floats(0.001, 0.999), min_size=2, max_size=5))
def test_quantiles_are_rates_that_rise(a: float, b: float, asked: list[float]) -> None:
    found = quantiles(np.array(sorted(asked)), a, b)
    assert ((found >= 0) & (found <= 1)).all()
    assert (np.diff(found) >= 0).all()
    mirrored = 1 - quantiles(1 - np.array(sorted(asked)), b, a)
    assert mirrored == pytest.approx(found, abs=2e-3)


# --- what is believed ------------------------------------------------------------------------------------------------


def test_before_any_outcome_the_prior_is_believed_and_little_is_known() -> None:
    nothing = np.zeros((2, 3), np.int64)
    beliefs = learn(Outcomes(nothing, nothing), Prior(mean=0.1, strength=30))
    assert beliefs.mean == pytest.approx(np.full((2, 3), 0.1))
    low, high = beliefs.interval(0, 0)
    assert low < 0.05
    assert high > 0.17
    assert beliefs.offer_spread == beliefs.segment_spread == pytest.approx(2**6.5)


def test_little_data_is_pulled_to_the_rest_of_its_offer_and_much_is_not() -> None:
    """Two of two is not 100 %; 2,000 of 4,000 is 50 %."""
    beliefs = learn(outcomes([[2, 4000, 3000, 3000], [3000, 3000, 3000, 3000]], [[2, 2000, 310, 290], [90] * 4]))
    assert 0.05 < beliefs.mean[0, 0] < 0.6
    assert beliefs.mean[0, 1] == pytest.approx(0.5, abs=0.01)
    assert beliefs.mean[1] == pytest.approx([0.03] * 4, abs=0.004)


def test_a_new_segment_is_believed_to_be_as_its_offer_and_a_new_offer_as_all_offers() -> None:
    shown = [[5000, 5000, 0], [5000, 5000, 0], [5000, 5000, 0], [0, 0, 0]]
    accepted = [[1000, 1010, 0], [250, 240, 0], [500, 505, 0], [0, 0, 0]]
    beliefs = learn(outcomes(shown, accepted))
    assert beliefs.mean[:3, 2] == pytest.approx([0.2, 0.05, 0.1], rel=0.25)
    assert beliefs.mean[3] == pytest.approx([0.11] * 3, abs=0.03)
    widths = [np.diff(beliefs.interval(offer, 2))[0] for offer in range(4)]
    assert widths[3] > 2 * max(widths[:3]), "of a new offer less is known than of a new segment"


def test_nothing_is_counted_twice() -> None:
    """Of an offer alone nobody else can tell: it knows its own customers and no more than the prior beside them."""
    beliefs = learn(outcomes([[1000]], [[500]]), Prior(mean=0.1, strength=20))
    assert 1000 < beliefs.a[0, 0] + beliefs.b[0, 0] < 1020
    others = learn(outcomes([[1000], [1000]], [[500], [100]]), Prior(mean=0.1, strength=20))
    assert others.mean[0, 0] < 0.5, "its own 500 of 1,000 do not pull it up"
    assert others.mean[1, 0] > 0.1


def test_spreads_tell_whether_segments_differ() -> None:
    alike = learn(outcomes([[2000] * 6] * 2, [[200, 205, 195, 199, 203, 198]] * 2))
    apart = learn(outcomes([[2000] * 6] * 2, [[20, 700, 100, 400, 60, 200]] * 2))
    assert alike.segment_spread > 1000
    assert apart.segment_spread < 30


def test_what_a_level_tells_the_next_has_the_right_mean_and_variance() -> None:
    """Down: a child of a parent Beta(K) by quadrature. Up: a rate of n customers of one child, by its own variance."""
    from engine.propensity.pooling import _Evidence

    size, rate, spread = 40.0, 0.2, 15.0
    parents = quantiles((np.arange(20_000) + 0.5) / 20_000, size * rate, size * (1 - rate))
    variance = (parents * (1 - parents) / (spread + 1)).mean() + parents.var()
    told = _Evidence(np.array([size]), np.array([size * rate])).told_downwards(spread)
    assert told.accepted / told.size == pytest.approx(rate)
    assert rate * (1 - rate) / (told.size[0] + 1) == pytest.approx(variance, rel=1e-3)
    asked = 60
    children = quantiles((np.arange(20_000) + 0.5) / 20_000, spread * rate, spread * (1 - rate))
    of_a_mean = children.var() + (children * (1 - children)).mean() / asked
    told = _Evidence(np.array([float(asked), 0.0]), np.array([asked * rate, 0.0])).told_upwards(spread)
    assert rate * (1 - rate) / told.size[0] == pytest.approx(of_a_mean, rel=1e-3)
    assert told.size[1] == 0


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Populations made as the model says; nine in ten rates lie in their interval, of cells with data and without."""
    rng = np.random.default_rng(20261124)
    hits: dict[bool, list[bool]] = {True: [], False: []}
    for _ in range(12):
        offers = rng.beta(0.1 * 40, 0.9 * 40, 6)
        truth = rng.beta(offers[:, None] * 60, (1 - offers[:, None]) * 60, (6, 8))
        shown = rng.choice([0, 10, 100, 1000], (6, 8))
        beliefs = learn(Outcomes(shown, rng.binomial(shown, truth)))
        for offer, segment in np.ndindex(6, 8):
            low, high = beliefs.interval(offer, segment)
            hits[bool(shown[offer, segment])].append(low <= truth[offer, segment] <= high)
    assert 0.85 < np.mean(hits[True]) < 0.95
    assert 0.82 < np.mean(hits[False]) < 0.97


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: outcomes([[1]], [[2]]), "more customers than"),
        (lambda: outcomes([[1]], [[-1]]), "more customers than"),
        (lambda: outcomes([[1, 2]], [[1]]), "same offers and segments"),
        (lambda: Prior(mean=0), "between 0 and 1"),
        (lambda: Prior(strength=float("nan")), "above 0"),
    ],
)
def test_what_cannot_be_is_refused(make: Callable[[], object], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        make()


def test_answers_are_counted_by_offer_and_segment() -> None:
    found = counted(np.array([0, 1, 1]), np.array([2, 0, 0]), np.array([True, False, True]), (2, 3))
    assert found.shown.tolist() == [[0, 0, 1], [2, 0, 0]]
    assert found.accepted.tolist() == [[0, 0, 1], [1, 0, 0]]


# --- draws -----------------------------------------------------------------------------------------------------------


def test_a_draw_is_the_hash_that_the_help_tells() -> None:
    u = (text_hash("c1", text_hash("bill:2026-03", text_hash("premium", 7))) >> 12) * 2.0**-52 + 2.0**-53
    assert draws(7, pa.array(["c1"]), pa.array(["premium"]), pa.array(["bill:2026-03"])).tolist() == [u]
    assert u == pytest.approx(FROZEN_DRAW, abs=1e-15)


FROZEN_DRAW = 0.974451360106099

BELIEFS = Beliefs(
    np.array([[1.0, 4.0, 30.0], [2.5, 0.7, 900.0]]), np.array([[9.0, 8.0, 70.0], [3.0, 20.0, 40.0]]), 90, 90
)


@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.integers(0, 1), st.integers(0, 2), st.sampled_from(["m:1", "m:2"])),
        min_size=1,
        max_size=12,
    ),
    st.randoms(),
    st.integers(0, 2**64 - 1),
)
def test_a_batch_draws_what_single_events_draw_in_any_order(rows: list[tuple], random, seed: int) -> None:
    def rates(some: list[tuple]) -> list[float]:
        customers, offers, segments, occasions = zip(*some, strict=True)
        names = pa.array([f"offer_{offer}" for offer in offers])
        uniform = draws(seed, pa.array(customers), names, pa.array(occasions).dictionary_encode())
        return drawn(BELIEFS, np.array(offers), np.array(segments), uniform).tolist()

    mixed = random.sample(range(len(rows)), len(rows))
    alone = [rates([row])[0] for row in rows]
    assert rates(rows) == alone
    assert rates([rows[place] for place in mixed]) == [alone[place] for place in mixed]


def test_draws_are_spread_as_what_is_believed() -> None:
    count = 20_000
    customers = pa.array([f"c{number}" for number in range(count)])
    uniform = draws(1, customers, pa.array(["premium"] * count), pa.array(["birthday:2026"] * count))
    other = draws(1, customers, pa.array(["family"] * count), pa.array(["birthday:2026"] * count))
    later = draws(1, customers, pa.array(["premium"] * count), pa.array(["birthday:2027"] * count))
    for one, two in ((uniform, other), (uniform, later)):
        assert abs(np.corrcoef(one, two)[0, 1]) < 0.02
    rates = drawn(BELIEFS, np.zeros(count, np.int64), np.ones(count, np.int64), uniform)
    a, b = 4.0, 8.0
    assert rates.mean() == pytest.approx(a / (a + b), abs=0.004)
    assert rates.std() == pytest.approx(np.sqrt(a * b / (a + b) ** 2 / (a + b + 1)), rel=0.02)


def test_the_users_own_rates_go_first_and_what_is_none_is_told() -> None:
    learned = expected(BELIEFS, np.array([0, 0, 0, 1]), np.array([0, 0, 0, 2]))
    rates, own = brought(learned, np.array([0.0, np.nan, 1.5, 1.0]))
    assert rates.tolist() == [0.0, 0.1, 0.1, 1.0]
    assert own.tolist() == [True, False, False, True]
    assert brought(learned, np.float64(0.25))[0].tolist() == [0.25] * 4


# --- exploring -------------------------------------------------------------------------------------------------------

TRUE = np.array([[0.04, 0.05, 0.06], [0.12, 0.04, 0.08], [0.05, 0.15, 0.07]])
DAYS, ASKED = 40, 300


def lost(choose: Callable[[Beliefs, np.ndarray, int], np.ndarray], seed: int) -> tuple[np.ndarray, Beliefs]:
    """Acceptances lost day by day against who knows the true rates, and what is believed in the end."""
    rng = np.random.default_rng(seed)
    shown, accepted = np.zeros_like(TRUE, np.int64), np.zeros_like(TRUE, np.int64)
    losses = []
    for day in range(DAYS):
        segment = rng.integers(0, 3, ASKED)
        offer = choose(learn(Outcomes(shown, accepted)), segment, day)
        rate = TRUE[offer, segment]
        losses.append((TRUE.max(0)[segment] - rate).sum())
        np.add.at(shown, (offer, segment), 1)
        np.add.at(accepted, (offer, segment), rng.random(ASKED) < rate)
    return np.array(losses), learn(Outcomes(shown, accepted))


def thompson(beliefs: Beliefs, segment: np.ndarray, day: int) -> np.ndarray:
    customers = pa.array([f"c{number}" for number in range(len(segment))])
    names = [pa.array([f"offer_{n}"] * len(segment)) for n in range(3)]
    when = pa.array([f"day:{day}"] * len(segment))
    rates = [
        drawn(beliefs, np.full(len(segment), n), segment, draws(0, customers, name, when))
        for n, name in enumerate(names)
    ]
    return np.argmax(rates, axis=0)


def greedy(beliefs: Beliefs, segment: np.ndarray, day: int) -> np.ndarray:
    return beliefs.mean.argmax(0)[segment]


def uniform(beliefs: Beliefs, segment: np.ndarray, day: int) -> np.ndarray:
    return np.arange(len(segment)) % 3


def test_thompson_sampling_loses_less_and_less_and_finds_the_true_rates() -> None:
    """Three worlds of 12,000 customers; longer ones are in tests/torture."""
    runs = {choose: [lost(choose, seed) for seed in range(3)] for choose in (thompson, greedy, uniform)}
    total = {choose: np.mean([losses.sum() for losses, _ in some]) for choose, some in runs.items()}
    assert total[thompson] < total[uniform] / 2
    by_quarter = np.mean([losses for losses, _ in runs[thompson]], axis=0).reshape(4, -1).sum(1)
    assert by_quarter[3] < by_quarter[0] / 3
    for _, beliefs in runs[thompson]:
        best = TRUE.argmax(0)
        assert beliefs.mean.argmax(0).tolist() == best.tolist()
        assert beliefs.mean[best, range(3)] == pytest.approx(TRUE.max(0), abs=0.03)
