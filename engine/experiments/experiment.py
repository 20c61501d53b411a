"""What is tried on whom: the arms of an experiment and their exact shares.

Three kinds, each with its own salt, so that what a customer gets in one says nothing about another: the portfolio's
hold-out, a rule's `hold out`, a rule's `split`. The salt is made of the kind and of the first name that the rule ever
had: editing or renaming a rule moves nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import ceil

from dsl.typed import Rule
from engine.hashing import RANGE

HELD_OUT, TREATED, CONTROL = "held_out", "treated", "control"


@dataclass(frozen=True, slots=True)
class Share:
    """An arm and how much of the customers it gets, in percent."""

    arm: str
    percent: Decimal


@dataclass(frozen=True, slots=True)
class Experiment:
    """Arms in order, up to 100 % together; `rest` is the arm of what they leave over.

    Raises ValueError where a share is negative, an arm is named twice or the shares go beyond the whole.
    """

    salt: str
    shares: tuple[Share, ...]
    rest: str

    def __post_init__(self) -> None:
        if any(share.percent < 0 for share in self.shares) or sum(share.percent for share in self.shares) > 100:
            raise ValueError("The shares of an experiment lie between 0 % and 100 %, and so does their sum.")
        if len({*self.arms}) < len(self.arms):
            raise ValueError("Every arm of an experiment has a name of its own.")

    @property
    def arms(self) -> tuple[str, ...]:
        """All arms, the rest last."""
        return (*(share.arm for share in self.shares), self.rest)

    def expected(self) -> tuple[Fraction, ...]:
        """The exact part of the customers that each arm gets, in the order of `arms`."""
        parts = [Fraction(share.percent) / 100 for share in self.shares]
        return (*parts, 1 - sum(parts, Fraction(0)))

    def edges(self) -> list[int]:
        """Where each arm but the rest ends: the least hash that is no longer in it, up to 2**64.

        A hash h is in the first arm whose shares so far are more than h / 2**64, compared exactly.
        """
        so_far, found = Fraction(0), []
        for share in self.shares:
            so_far += Fraction(share.percent) / 100
            found.append(ceil(so_far * RANGE))
        return found


def portfolio(percent: Decimal) -> Experiment:
    """The part of the whole base that is kept out of every rule."""
    return Experiment("portfolio", (Share(HELD_OUT, percent),), TREATED)


def hold_out(rule: Rule, origins: Mapping[str, str] | None = None) -> Experiment:
    """A rule's own hold-out. `origins` are the first names of rules that were renamed more than once."""
    return Experiment(salt("hold_out", rule, origins), (Share(HELD_OUT, rule.hold_out),), TREATED)


def split(rule: Rule, origins: Mapping[str, str] | None = None) -> Experiment:
    """A rule's `split`; what its shares leave over gets nothing."""
    shares = tuple(Share(arm.name, arm.share) for arm in rule.split)
    is_taken = any(share.arm == CONTROL for share in shares)
    return Experiment(salt("split", rule, origins), shares, "rest" if is_taken else CONTROL)


def salt(kind: str, rule: Rule, origins: Mapping[str, str] | None = None) -> str:
    """`split:hello_again` for a rule that is called welcome_back and `was hello_again`.

    A name that a rule had before the one it gives after `was` is known to the store only: `origins` by present name.
    """
    return f"{kind}:{(origins or {}).get(rule.name) or rule.was or rule.name}"
