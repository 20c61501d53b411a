"""Experiments: `split 50% small: offer a 50% offer b`. What the shares leave over is the control arm."""

from __future__ import annotations

from decimal import Decimal

from dsl import check_errors as errors
from dsl import syntax
from dsl.check_errors import Wrong
from dsl.rule_actions import Actions
from dsl.typed import Arm


def check_split(actions: Actions, split: syntax.Split | None, *, offered: bool) -> tuple[Arm, ...]:
    """The arms in order. `offered` tells that the rule makes an offer beside them. Raises Wrong."""
    if split is None:
        return ()
    _check_shares(split)
    names = _names(split)
    return tuple(
        Arm(name, arm.share.value, actions.check(arm.actions, offered=offered))
        for name, arm in zip(names, split.arms, strict=True)
    )


def _check_shares(split: syntax.Split) -> None:
    """Told at the share that goes beyond the whole, with what all of them come to."""
    total = sum((arm.share.value for arm in split.arms), Decimal(0))
    so_far = Decimal(0)
    for arm in split.arms:
        if arm.share.value == 0:
            raise Wrong(errors.no_share(arm.share.span))
        so_far += arm.share.value
        if so_far > 100:
            alone = len(split.arms) == 1
            raise Wrong(errors.share_range(arm.share.span) if alone else errors.shares(arm.share.span, total))


def _names(split: syntax.Split) -> list[str]:
    """The arms' own names; one without is called by its place: `arm_2`."""
    names: list[str] = []
    for place, arm in enumerate(split.arms, 1):
        name = arm.name.text if arm.name else f"arm_{place}"
        if name in names:
            raise Wrong(errors.arm_twice(arm.name.span if arm.name else arm.share.span, name))
        names.append(name)
    return names
