"""Who listens to an event on a local day, ready to be asked: the plan of the rules, and what a row for them holds."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from dsl.catalog import Moment, Owner
from dsl.typed import MomentUse, Rule
from engine.decisions.common_counters import listeners_of
from engine.decisions.rule_table import Ints
from engine.matching.plan import Plan
from engine.online.past import Gate
from engine.online.receipts import ReceiptForm
from engine.online.rows import Shape
from engine.plans import Plans
from engine.privacy import personal_keys

DAYS_KEPT = 8
"""Local days of a moment whose listeners are kept: at one instant the earth has at most three."""


@dataclass(frozen=True, slots=True)
class Listeners:
    """The rules of one event moment, as a plan that tries those that are active on a local day.

    `gate` is None where none of these asks what happened before. `numbers` are the places in `Plans.rule_table` of all
    rules of the moment, `name` is what those that are active are counted under together, by their `names`.
    """

    moment: Moment
    use: MomentUse
    day: dt.date
    plan: Plan
    gate: Gate | None
    numbers: Ints
    shape: Shape
    names: tuple[str, ...]
    name: str

    def subject_of(self, customer: str, subscription: str | None) -> str:
        """Whose an occurrence is: the subscription's where the moment is one of subscriptions, else the customer's."""
        return subscription if subscription is not None and self.moment.owner is Owner.SUBSCRIPTION else customer


@dataclass(slots=True)
class _Kept:
    """What was compiled for a ruleset, as long as its plans are kept."""

    personal: frozenset[str]
    found: dict[tuple[str, dt.date], Listeners | None] = field(default_factory=dict)
    receipts: dict[str, ReceiptForm] = field(default_factory=dict)


_KEPT: WeakKeyDictionary[Plans, _Kept] = WeakKeyDictionary()


def _kept(plans: Plans) -> _Kept:
    kept = _KEPT.get(plans)
    return kept if kept is not None else _KEPT.setdefault(plans, _Kept(personal_keys(plans.catalog)))


def receipt_form(plans: Plans, rule: Rule) -> ReceiptForm:
    """The receipt of a rule of the ruleset, to be filled in."""
    kept = _kept(plans)
    form = kept.receipts.get(rule.name)
    if form is None:
        form = kept.receipts[rule.name] = ReceiptForm(rule.condition, kept.personal)
    return form


def listeners(plans: Plans, moment: str, day: dt.date) -> Listeners | None:
    """The listeners to an event of that local day; None where no rule is active."""
    kept = _kept(plans).found
    key = moment, day
    if key not in kept:
        if len(kept) >= DAYS_KEPT * max(len(plans.catalog.moments), 1):
            kept.clear()
        kept[key] = _compiled(plans, moment, day)
    return kept[key]


def _compiled(plans: Plans, moment: str, day: dt.date) -> Listeners | None:
    use = MomentUse(moment)
    names = tuple(rule.name for rule in plans.listening(use, day))
    if not names:
        return None
    plan, rules = plans.plan(use, day), plans.rules_of(use)
    return Listeners(
        plans.catalog.moments[moment],
        use,
        day,
        plan,
        Gate(rule.condition for rule in rules) if plan.terms else None,
        plans.rule_table.numbers(rules),
        Shape(plans.reads(use, plan)),
        names,
        listeners_of(names),
    )
