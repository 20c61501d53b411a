"""What a charge comes to for a quantity: the price models, exactly.

| model      | n units, less the free ones                                                                    |
|------------|------------------------------------------------------------------------------------------------|
| flat       | the amount                                                                                     |
| per unit   | n times the rate                                                                               |
| graduated  | each unit at the rate of the tier it lies in, and the flat amount of every tier that is reached |
| volume     | every unit at the rate of the tier that n lies in, and that tier's flat amount                 |
| stair step | the flat amount of the tier that n lies in                                                     |
| package    | the rate of a package times the packages begun                                                 |
| percentage | a share of the money that the quantity is                                                      |

`up_to` is inclusive, and the first tier is reached by nothing too: no use still pays its flat amount.
"""

from __future__ import annotations

import math
from fractions import Fraction

from dsl.products import Charge, Model, Tier

NOTHING = Fraction(0)


def amount_of(charge: Charge, quantity: Fraction = NOTHING) -> Fraction:
    """Minor units of the charge's currency for a billing interval; a quantity below zero is none.

    Of a percentage, `quantity` is minor units of the same currency.
    """
    units = max(quantity - Fraction(charge.free_units), NOTHING)
    amount = _by_model(charge, units) + charge.flat_fee
    if charge.minimum is not None:
        amount = max(amount, Fraction(charge.minimum))
    return amount if charge.maximum is None else min(amount, Fraction(charge.maximum))


def _by_model(charge: Charge, units: Fraction) -> Fraction:
    match charge.model:
        case Model.FLAT:
            return Fraction(charge.amount)
        case Model.PER_UNIT:
            return units * Fraction(charge.amount)
        case Model.PACKAGE:
            return math.ceil(units / Fraction(charge.size)) * Fraction(charge.amount)
        case Model.PERCENTAGE:
            return units * Fraction(charge.percent) / 100
        case Model.GRADUATED:
            return _graduated(charge.tiers, units)
    tier = next(tier for tier in charge.tiers if tier.up_to is None or units <= tier.up_to)
    return units * Fraction(tier.rate) + tier.flat


def _graduated(tiers: tuple[Tier, ...], units: Fraction) -> Fraction:
    total, below = NOTHING, NOTHING
    for tier in tiers:
        top = units if tier.up_to is None else min(units, Fraction(tier.up_to))
        total += (top - below) * Fraction(tier.rate) + tier.flat
        if tier.up_to is None or units <= tier.up_to:
            break
        below = top
    return total
