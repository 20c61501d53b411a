"""Who is in which arm: frozen for good, exact at the edges, even, independent, and kept through edits."""

from __future__ import annotations

import itertools
from dataclasses import replace
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.typed import All, Arm, MomentUse, Rule
from engine.experiments.assignment import arm, arms
from engine.experiments.experiment import Experiment, Share, hold_out, portfolio, salt, split
from engine.experiments.sample_ratio import Stratum, chi_square_tail, sample_ratio
from engine.hashing import text_hash, text_hashes, uniforms

IDS = pa.array([f"customer-{number}" for number in range(20_000)])


def rule(name: str = "welcome", **rest: object) -> Rule:
    return replace(Rule(name, None, (MomentUse("bill"),), All(()), ()), **rest)  # type: ignore[arg-type]


def trial(*percents: str, salt: str = "split:welcome") -> Experiment:
    return Experiment(salt, tuple(Share(f"arm_{n}", Decimal(each)) for n, each in enumerate(percents, 1)), "control")


def counted(experiment: Experiment, customers: pa.Array = IDS) -> list[int]:
    assigned = arms(customers, experiment, {})
    return np.bincount(assigned.arm, minlength=len(experiment.arms)).tolist()


# --- the hash --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seed", "expected"),
    [
        ("", 0, 0xEF46DB3751D8E999),  # published vectors of XXH64
        ("a", 0, 0xD24EC4F1A98C6E5B),
        ("abc", 0, 0x44BC2CF5AD770999),
        ("xxhash", 20141025, 0xB559B98D844E0635),
    ],
)
def test_the_hash_is_xxh64(text: str, seed: int, expected: int) -> None:
    assert text_hash(text, seed) == expected
    assert text_hashes(pa.array([text]), seed).tolist() == [expected]


def test_a_dictionary_column_hashes_like_plain_text() -> None:
    plain = pa.array(["é", "b", "é"])
    assert text_hashes(plain.dictionary_encode(), 7).tolist() == [text_hash(one, 7) for one in plain.to_pylist()]


def test_uniforms_lie_strictly_between_0_and_1() -> None:
    least, most = uniforms(np.array([0, 2**64 - 1], np.uint64))
    assert 0 < least < 1e-15
    assert 1 - 1e-15 < most < 1


# --- frozen for good -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("customer", "salted", "expected"),
    [
        ("c1", "portfolio", 0x5781188A415CB3C7),
        ("c1", "hold_out:welcome", 0x21FC46682F6AE789),
        ("c1", "split:welcome", 0xFD30BB194B0CF7B1),
        ("cus_000000042", "split:welcome", 0xD71145E7A1A70EEC),
        ("José Ávila 北京", "portfolio", 0x4A22FB18A05D44B2),
        ("a-customer-id-of-more-than-thirty-two-octets", "portfolio", 0xB820128540C924BB),
    ],
)
def test_the_fraction_of_a_customer_never_changes(customer: str, salted: str, expected: int) -> None:
    """The arm begins and ends where this hash says, to the last of 64 bits."""
    assert text_hash(customer, text_hash(salted)) == expected
    with localcontext() as context:
        context.prec = 80
        exact, step = Decimal(expected) * 100 / 2**64, Decimal(100) / 2**64
        for percent, where in ((exact, "out"), (exact + step, "in")):
            experiment = Experiment(salted, (Share("in", percent),), "out")
            assert arm(customer, experiment) == where
            assert experiment.arms[arms(pa.array([customer]), experiment, {}).arm[0]] == where


def test_salts_are_of_the_kind_and_the_first_name() -> None:
    renamed = rule("welcome_back", was="hello_again")
    assert salt("split", rule()) == "split:welcome"
    assert salt("hold_out", renamed) == "hold_out:hello_again"
    assert salt("hold_out", renamed, {"welcome_back": "hello"}) == "hold_out:hello"
    assert portfolio(Decimal(2)).salt == "portfolio"


def test_a_renamed_rule_moves_nobody() -> None:
    before = rule("hello_again", hold_out=Decimal(30))
    after = replace(before, name="welcome_back", was="hello_again", priority=5)
    assert arms(IDS, hold_out(before), {}).arm.tolist() == arms(IDS, hold_out(after), {}).arm.tolist()


# --- shares ----------------------------------------------------------------------------------------------------------


@given(
    st.lists(st.decimals(0, 40, places=3), max_size=5).filter(lambda some: sum(some) <= 100),
    st.text(min_size=1, max_size=12),
)
def test_an_arm_is_the_first_whose_shares_pass_the_fraction(percents: list[Decimal], customer: str) -> None:
    experiment = Experiment("s", tuple(Share(str(n), each) for n, each in enumerate(percents)), "rest")
    fraction = Fraction(text_hash(customer, text_hash("s")), 2**64)
    passed = [place for place, upto in enumerate(itertools.accumulate(percents)) if Fraction(upto) / 100 > fraction]
    expected = str(passed[0]) if passed else "rest"
    assert arm(customer, experiment) == expected
    assert experiment.arms[arms(pa.array([customer]), experiment, {}).arm[0]] == expected


@pytest.mark.parametrize("percents", [("33.3", "33.3", "33.4"), ("100",), ("0", "100"), ("0.1",) * 10 + ("99",)])
def test_shares_of_100_percent_leave_nobody_over(percents: tuple[str, ...]) -> None:
    experiment = trial(*percents)
    assert experiment.edges()[-1] == 2**64
    assert counted(experiment)[-1] == 0


def test_an_edge_belongs_to_the_arm_above_it() -> None:
    assert trial("25").edges() == [2**62]
    assert trial("0").edges() == [0]
    assert trial("10").edges() == [-(-(2**64) // 10)]


@pytest.mark.parametrize(
    ("shares", "what"),
    [
        ((("a", "60"), ("b", "40.1")), "between 0 % and 100 %"),
        ((("a", "-1"),), "between 0 % and 100 %"),
        ((("a", "1"), ("a", "1")), "a name of its own"),
        ((("control", "1"),), "a name of its own"),
    ],
)
def test_impossible_shares_are_refused(shares: tuple[tuple[str, str], ...], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        Experiment("s", tuple(Share(name, Decimal(percent)) for name, percent in shares), "control")


def test_an_arm_called_control_leaves_that_name_to_its_author() -> None:
    tried = rule(split=(Arm("control", Decimal(10), ()), Arm("bold", Decimal(20), ())))
    assert split(tried).arms == ("control", "bold", "rest")
    assert sum(split(tried).expected()) == 1


# --- kept ------------------------------------------------------------------------------------------------------------


def test_who_was_assigned_stays_through_edits_of_the_shares() -> None:
    before, after = trial("50", "30"), trial("10", "10", "70")
    met = IDS[:500]
    first = arms(met, before, {})
    assert first.new.all()
    stored = {one: before.arms[place] for one, place in zip(met.to_pylist(), first.arm.tolist(), strict=True)}
    again = arms(IDS[:800], after, stored)
    assert [after.arms[place] for place in again.arm[:500]] == list(stored.values())
    assert again.new.tolist() == [False] * 500 + [True] * 300
    assert again.arm[500:].tolist() == arms(IDS[500:800], after, {}).arm.tolist()


def test_an_arm_that_is_gone_holds_nobody() -> None:
    assigned = arms(pa.array(["c1", "c2"]), trial("100"), {"c1": "arm_9", "c2": "arm_1"})
    assert assigned.arm.tolist() == [0, 0]
    assert assigned.new.tolist() == [True, False]
    assert arm("c1", trial("100"), "arm_9") == "arm_1"


def test_a_larger_first_share_keeps_who_is_in_it() -> None:
    small, large = (arms(IDS, trial(share), {}).arm for share in ("10", "20"))
    assert (large[small == 0] == 0).all()


@given(st.lists(st.sampled_from([f"c{n}" for n in range(9)]), max_size=20), st.randoms())
def test_columns_say_what_one_by_one_says_in_any_order(customers: list[str], random) -> None:
    experiment = trial("20", "30.5")
    stored = {one: "arm_2" for one in set(customers) if random.random() < 0.3}
    half = len(customers) // 2
    column = pa.chunked_array([customers[:half], customers[half:]], pa.string())
    assigned = arms(column, experiment, stored)
    assert arms(column.dictionary_encode(), experiment, stored).arm.tolist() == assigned.arm.tolist()
    names = [experiment.arms[place] for place in assigned.arm]
    assert names == [arm(one, experiment, stored.get(one)) for one in customers]
    new = [one for one, is_new in zip(customers, assigned.new, strict=True) if is_new]
    assert sorted(new) == sorted(set(customers) - set(stored))


# --- even and independent --------------------------------------------------------------------------------------------


def test_arms_are_as_large_as_they_should_be_whatever_the_salt() -> None:
    """Twenty salts; the whole check is over a million customers and fifty (tests/torture)."""
    experiments = [trial("10", "25", "64.9", salt=f"split:rule_{n}") for n in range(20)]
    found = [sample_ratio([Stratum(counted(each), each.expected())]).p_value for each in experiments]
    assert min(found) > 0.001
    assert 0.2 < np.mean(found) < 0.8


def test_two_experiments_know_nothing_of_each_other() -> None:
    """Of every arm of one, the arms of the other get their shares: for a rule's hold-out and its split, too."""
    kinds = [
        portfolio(Decimal(20)),
        hold_out(rule(hold_out=Decimal(30))),
        hold_out(rule("other", hold_out=Decimal(50))),
    ]
    kinds.append(trial("40", "40"))
    for one, other in itertools.combinations(kinds, 2):
        mine = arms(IDS, one, {}).arm
        strata = [Stratum(counted(other, IDS.filter(pa.array(mine == place))), other.expected()) for place in (0, 1)]
        assert sample_ratio(strata).p_value > 0.001, (one.salt, other.salt)


# --- the sample ratio ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statistic", "degrees", "tail"),
    [  # from scipy.stats.chi2.sf
        (3.841458820694124, 1, 0.04999999999999989),
        (10.83, 1, 0.0009986863791802592),
        (5.99, 2, 0.05003662708658629),
        (7.3, 3, 0.06292623645904312),
        (100, 7, 1.0787979671702833e-18),
        (42, 50, 0.7821550188138856),
    ],
)
def test_the_tail_of_chi_square(statistic: float, degrees: int, tail: float) -> None:
    assert chi_square_tail(statistic, degrees) == pytest.approx(tail, rel=1e-12)


@given(st.floats(0, 2000), st.integers(1, 60))
def test_the_tail_is_a_probability_that_falls(statistic: float, degrees: int) -> None:
    here, further = chi_square_tail(statistic, degrees), chi_square_tail(statistic + 1, degrees)
    assert 0 <= further <= here <= 1
    assert here <= chi_square_tail(statistic, degrees + 1) + 1e-12


HALVES = (Fraction(1, 2), Fraction(1, 2))


def test_a_mismatch_is_told() -> None:
    """The field's own example: 821,588 against 815,482 where half and half was meant."""
    found = sample_ratio([Stratum((821_588, 815_482), HALVES)])
    assert found.p_value == pytest.approx(1.8e-6, rel=0.05)
    assert found.is_suspect
    assert not sample_ratio([Stratum((5_030, 4_970), HALVES)]).is_suspect


def test_shares_that_were_edited_are_checked_each_with_its_own_customers() -> None:
    """Pooled, these would look wrong: 1,400 to 600."""
    strata = [Stratum((500, 500), HALVES), Stratum((900, 100), (Fraction(9, 10), Fraction(1, 10)))]
    assert sample_ratio(strata) == sample_ratio([*strata, Stratum((0, 0), HALVES)])
    assert (sample_ratio(strata).statistic, sample_ratio(strata).degrees, sample_ratio(strata).p_value) == (0, 2, 1)


def test_somebody_in_an_arm_that_gets_nobody_is_a_mismatch() -> None:
    assert sample_ratio([Stratum((1, 0), (Fraction(0), Fraction(1)))]).is_suspect
    assert sample_ratio([Stratum((0, 9), (Fraction(0), Fraction(1)))]).p_value == 1
    assert sample_ratio([]).p_value == 1
