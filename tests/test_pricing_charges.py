"""Price models: the worked examples of public billing systems, an oracle that counts unit by unit, and properties."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pricing_world import BASE

from dsl.catalog_reader import read_catalog
from dsl.prices import rounded
from dsl.products import Charge, Model, Tier
from dsl.source import Source
from engine.pricing.allocation import allocated
from engine.pricing.charges import amount_of

EXAMPLES = yaml.safe_load((Path(__file__).parent / "golden" / "price_examples.yaml").read_text("utf-8"))
CASES = [
    (one["source"], one["price"], quantity, Decimal(amount))
    for one in EXAMPLES
    for quantity, amount in one["of"].items()
]


@pytest.mark.parametrize(("source", "price", "quantity", "amount"), CASES, ids=lambda value: str(value)[:30])
def test_a_public_example_comes_to_the_published_amount(source: str, price: str, quantity: int, amount: Decimal):
    catalog, problems = read_catalog(Source("catalog.yaml", f"{BASE}plans: {{p: {{price: {{month: {price}}}}}}}\n"))
    assert catalog is not None, [one.render() for one in problems]
    (charge,) = catalog.plans["p"].charges["month"]
    scale = 100 if charge.model is Model.PERCENTAGE else 1  # its quantity is money, in cents
    assert rounded(amount_of(charge, Fraction(quantity * scale))) == amount * 100, source


# --- an oracle -------------------------------------------------------------------------------------------------------


def tier_of(tiers: tuple[Tier, ...], unit: int) -> int:
    for place, tier in enumerate(tiers):
        if tier.up_to is None or unit <= tier.up_to:
            return place
    raise AssertionError(unit)


def counted(charge: Charge, units: int) -> Fraction:
    """Unit by unit, as a person would with a pencil."""
    units = max(units - int(charge.free_units), 0)
    total = Fraction(charge.flat_fee)
    if charge.model is Model.GRADUATED:
        for unit in range(1, units + 1):
            total += Fraction(charge.tiers[tier_of(charge.tiers, unit)].rate)
        total += sum(charge.tiers[place].flat for place in range(tier_of(charge.tiers, units) + 1))
    elif charge.model in (Model.VOLUME, Model.STAIR_STEP):
        tier = charge.tiers[tier_of(charge.tiers, units)]
        total += tier.flat + sum(Fraction(tier.rate) for _ in range(units))
    elif charge.model is Model.PACKAGE:
        bought = 0
        while bought * charge.size < units:
            bought += 1
        total += bought * Fraction(charge.amount)
    else:
        total += sum(Fraction(charge.amount) for _ in range(units if charge.model is Model.PER_UNIT else 1))
    low = total if charge.minimum is None else max(total, charge.minimum)
    return Fraction(low if charge.maximum is None else min(low, charge.maximum))


RATES = st.decimals(0, 5000, places=2)


@st.composite
def tiers(draw: st.DrawFn) -> tuple[Tier, ...]:
    ends = sorted(draw(st.sets(st.integers(1, 40), max_size=3)))
    flats = st.integers(0, 3000)
    return tuple(Tier(end, draw(RATES), draw(flats)) for end in (*map(Decimal, ends), None))


@st.composite
def charges(draw: st.DrawFn) -> Charge:
    model = draw(st.sampled_from([one for one in Model if one is not Model.PERCENTAGE]))
    bounds = sorted(draw(st.lists(st.integers(0, 60_000), min_size=2, max_size=2)))
    return Charge(
        model,
        "USD",
        amount=draw(RATES),
        tiers=draw(tiers()),
        size=Decimal(draw(st.integers(1, 9))),
        free_units=Decimal(0 if model is Model.FLAT else draw(st.integers(0, 5))),
        flat_fee=draw(st.integers(0, 2000)),
        minimum=draw(st.sampled_from([None, bounds[0]])),
        maximum=draw(st.sampled_from([None, bounds[1]])),
    )


@given(charges(), st.integers(-2, 60))
def test_a_charge_is_what_counting_gives(charge: Charge, units: int):
    found = amount_of(charge, Fraction(units))
    assert found == counted(charge, units)
    assert found >= 0


@settings(max_examples=50)
@given(charges().filter(lambda one: one.model is not Model.VOLUME), st.integers(0, 60), st.integers(0, 9))
def test_more_never_costs_less_but_by_volume(charge: Charge, units: int, more: int):
    """A stair whose steps go down is its author's wish; steps that go up, and every other model, are monotone."""
    if charge.model is Model.STAIR_STEP and [one.flat for one in charge.tiers] != sorted(t.flat for t in charge.tiers):
        return
    assert amount_of(charge, Fraction(units)) <= amount_of(charge, Fraction(units + more))


@settings(max_examples=30)
@given(st.fractions(0, 100))
def test_half_a_cent_goes_up(amount: Fraction):
    assert abs(rounded(amount) - amount) <= Fraction(1, 2)
    assert rounded(Fraction(int(amount)) + Fraction(1, 2)) == int(amount) + 1


# --- shares ----------------------------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(st.integers(0, 10**12), st.lists(st.fractions(0, 1000), min_size=1, max_size=7))
def test_shares_add_up_and_are_within_one_of_exact(total: int, weights: list[Fraction]):
    parts = allocated(total, weights)
    assert sum(parts) == total
    whole = sum(weights)
    for part, weight in zip(parts, weights, strict=True):
        exact = total * weight / whole if whole else Fraction(total, len(weights))
        assert abs(part - exact) < 1


def test_the_largest_remainder_gets_what_is_left():
    """Of 100: 33.4, 33.3 and 33.3; of 101 by 1, 1 and 2: 25.25, 25.25 and 50.5."""
    assert allocated(100, [Fraction(334), Fraction(333), Fraction(333)]) == (34, 33, 33)
    assert allocated(101, [Fraction(1), Fraction(1), Fraction(2)]) == (25, 25, 51)
    assert allocated(2, [Fraction(1), Fraction(1), Fraction(1)]) == (1, 1, 0)
