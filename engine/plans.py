"""The compiled ruleset: for each moment and offset one plan of all the rules that listen to it.

Which of these are tried is a mask over the plan: those that are active on a local day, and of them those that are in
time. A ruleset that follows another takes over its plans of all moments whose rules ask what they asked before, so an
edit compiles the moments that it touches. Rules that need more than this version runs are left out
(`engine.unavailable` says which and why).
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict, deque
from collections.abc import Sequence
from functools import cached_property, lru_cache
from threading import Lock

from dsl.catalog import Catalog, MomentKind
from dsl.typed import Attribute, Condition, MomentUse, Rule, Ruleset
from engine.decisions.batch_facts import needed
from engine.decisions.occasions import event_properties
from engine.decisions.rule_table import RuleTable, compile_rules
from engine.event_bounds import event_bounds
from engine.happenings.needed import NeededPast
from engine.matching.plan import Plan, compile_plan
from engine.pricing.price_facts import PriceFacts
from engine.store.events import Bounds
from engine.unavailable import waits_for

KEPT = 8
"""Local days, and masks, that are kept of each moment: a few days at once, and as many ways of being late."""

_kept: deque[Plans] = deque(maxlen=4)
_keeping = Lock()


def plans_of(ruleset: Ruleset) -> Plans:
    """The plans of a ruleset, kept while it is among the last few that were asked for."""
    with _keeping:
        for plans in _kept:
            if plans.ruleset is ruleset:
                return plans
        plans = Plans(ruleset, _kept[-1] if _kept else None)
        _kept.append(plans)
        return plans


class Plans:
    """Plans of one ruleset, compiled when first asked for and kept; those of `before` are taken over where they fit."""

    def __init__(self, ruleset: Ruleset, before: Plans | None = None) -> None:
        self.ruleset = ruleset
        self.catalog: Catalog = ruleset.catalog
        listening: dict[MomentUse, list[Rule]] = defaultdict(list)
        self._run = tuple(rule for rule in ruleset.rules if not waits_for(rule))
        for rule in self._run:
            for use in dict.fromkeys(rule.moments):
                listening[use].append(rule)
        of_before = before._listening if before else {}
        self._listening: dict[MomentUse, _Listening] = {
            use: _Listening(tuple(rules), of_before.get(use)) for use, rules in listening.items()
        }

    @cached_property
    def event_bounds(self) -> Bounds:
        """How late an event may be told and still be met, by moment."""
        return event_bounds(self.ruleset)

    @cached_property
    def rule_table(self) -> RuleTable:
        """All rules that are run, as deciding reads them."""
        return compile_rules(self._run, self.catalog)

    @cached_property
    def price_facts(self) -> PriceFacts:
        """What prices ask beside stored attributes."""
        return PriceFacts(self.ruleset)

    def scheduled(self, day: dt.date) -> list[MomentUse]:
        """The recurring, dated and calendar moments, each with its offset, that active rules listen to on a day."""
        return [use for use, here in self._listening.items() if self._is_scheduled(use) and here.active(day)]

    def happening(self) -> list[MomentUse]:
        """The event moments that rules listen to, each with its delay."""
        return [use for use in self._listening if not self._is_scheduled(use)]

    def rules_of(self, use: MomentUse) -> tuple[Rule, ...]:
        """Every rule of a moment, in the order of its plan, whatever the day."""
        return self._of(use).rules

    def listening(self, use: MomentUse, day: dt.date) -> tuple[Rule, ...]:
        """The rules of a moment that are active on a local day."""
        return self._of(use).active(day)

    def plan_of(self, use: MomentUse, rules: Sequence[Rule]) -> Plan:
        """The plan of a moment, masked to some of its rules."""
        return self._of(use).masked(tuple(rule.name for rule in rules))

    def past_of(self, use: MomentUse, rules: Sequence[Rule]) -> NeededPast:
        """What some rules of a moment ask of the past."""
        return self._of(use).past(tuple(rule.name for rule in rules))

    def plan(self, use: MomentUse, day: dt.date) -> Plan:
        """The plan of a moment, masked to the rules that are active on a local day."""
        return self._of(use).plan(day)

    def reads(self, use: MomentUse, plan: Plan) -> tuple[Attribute, ...]:
        """The columns that a batch of this moment needs: what its rules, its messages and deciding read."""
        properties = event_properties(self.catalog, use.moment)
        return tuple(
            dict.fromkeys((*plan.attributes, *properties, *needed(self.catalog), *self.price_facts.attributes))
        )

    def _of(self, use: MomentUse) -> _Listening:
        return self._listening.get(use) or _NOBODY

    def _is_scheduled(self, use: MomentUse) -> bool:
        if use.date is not None:
            return True
        return self.catalog.moments[use.moment].kind in (MomentKind.RECURRING, MomentKind.DATED)


class _Listening:
    """The rules of one moment and offset, their plan and its masks."""

    def __init__(self, rules: tuple[Rule, ...], before: _Listening | None = None) -> None:
        self.rules = rules
        self._places = {rule.name: at for at, rule in enumerate(rules)}
        # What the rules do, and when, is not part of a plan: only what they ask, in their order.
        self._whole: Plan | None = before._whole if before and before._conditions() == self._conditions() else None
        self._making = Lock()
        self.active = lru_cache(KEPT)(self._active)
        self.masked = lru_cache(KEPT)(self._masked)
        self.past = lru_cache(KEPT)(self._past)
        self.plan = lru_cache(KEPT)(lambda day: self.masked(tuple(rule.name for rule in self.active(day))))

    def _active(self, day: dt.date) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.rules if rule.active_on(day))

    def _masked(self, names: tuple[str, ...]) -> Plan:
        with self._making:
            if self._whole is None:
                self._whole = compile_plan(self.rules)
            return self._whole.only(self._places[name] for name in names)

    def _past(self, names: tuple[str, ...]) -> NeededPast:
        return NeededPast([self.rules[self._places[name]].condition for name in names])

    def _conditions(self) -> list[Condition]:
        return [rule.condition for rule in self.rules]


_NOBODY = _Listening(())
