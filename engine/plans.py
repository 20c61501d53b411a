"""The compiled ruleset: for each moment, offset and local day the plan of the rules that are active then.

Rules that need more than this version runs are left out (`engine.unavailable` says which and why).
"""

from __future__ import annotations

import datetime as dt
from collections import deque
from functools import cached_property

from dsl.catalog import Catalog, MomentKind
from dsl.typed import Attribute, MomentUse, Rule, Ruleset
from engine.decisions.batch_facts import needed
from engine.decisions.occasions import event_properties
from engine.decisions.rule_table import RuleTable, compile_rules
from engine.event_bounds import event_bounds
from engine.happenings.needed import NeededPast
from engine.matching.plan import Plan, compile_plan
from engine.store.events import Bounds
from engine.unavailable import waits_for

_KEPT: deque[Plans] = deque(maxlen=4)


def plans_of(ruleset: Ruleset) -> Plans:
    """The plans of a ruleset, kept while it is among the last few that were asked for."""
    for plans in tuple(_KEPT):
        if plans.ruleset is ruleset:
            return plans
    plans = Plans(ruleset)
    _KEPT.append(plans)
    return plans


class Plans:
    """Plans of one ruleset, compiled when first asked for and kept."""

    def __init__(self, ruleset: Ruleset) -> None:
        self.ruleset = ruleset
        self.catalog: Catalog = ruleset.catalog
        self._rules = tuple(rule for rule in ruleset.rules if not waits_for(rule))
        self._plans: dict[tuple[str, ...], Plan] = {}
        self._pasts: dict[tuple[str, ...], NeededPast] = {}

    @cached_property
    def event_bounds(self) -> Bounds:
        """How late an event may be told and still be met, by moment."""
        return event_bounds(self.ruleset)

    @cached_property
    def rules(self) -> RuleTable:
        """All rules that are run, as deciding reads them."""
        return compile_rules(self._rules, self.catalog)

    def scheduled(self, day: dt.date) -> list[MomentUse]:
        """The recurring, dated and calendar moments, each with its offset, that active rules listen to on a day."""
        uses = {use: None for rule in self._rules if rule.active_on(day) for use in rule.moments}
        return [use for use in uses if self._is_scheduled(use)]

    def happening(self) -> list[MomentUse]:
        """The event moments that rules listen to, each with its delay."""
        uses = dict.fromkeys(use for rule in self._rules for use in rule.moments)
        return [use for use in uses if not self._is_scheduled(use)]

    def listening(self, use: MomentUse, day: dt.date) -> tuple[Rule, ...]:
        """The rules of a moment that are active on a local day."""
        return tuple(rule for rule in self._rules if use in rule.moments and rule.active_on(day))

    def ever_listening(self, use: MomentUse) -> tuple[Rule, ...]:
        """The rules of a moment, whenever they are active."""
        return tuple(rule for rule in self._rules if use in rule.moments)

    def plan_of(self, rules: tuple[Rule, ...]) -> Plan:
        """The plan of some rules of one moment, in their order."""
        names = tuple(rule.name for rule in rules)
        if names not in self._plans:
            self._plans[names] = compile_plan(rules)
        return self._plans[names]

    def past_of(self, rules: tuple[Rule, ...]) -> NeededPast:
        """What some rules of one moment ask of the past."""
        names = tuple(rule.name for rule in rules)
        if names not in self._pasts:
            self._pasts[names] = NeededPast([rule.condition for rule in rules])
        return self._pasts[names]

    def plan(self, use: MomentUse, day: dt.date) -> tuple[Plan, tuple[Rule, ...]]:
        """The plan of the active rules of a moment, and those rules in its order."""
        rules = self.listening(use, day)
        return self.plan_of(rules), rules

    def reads(self, use: MomentUse, plan: Plan) -> tuple[Attribute, ...]:
        """The columns that a batch of this moment needs: what its rules, its messages and deciding read."""
        properties = event_properties(self.catalog, use.moment)
        return tuple(dict.fromkeys((*plan.attributes, *properties, *needed(self.catalog))))

    def _is_scheduled(self, use: MomentUse) -> bool:
        if use.date is not None:
            return True
        return self.catalog.moments[use.moment].kind in (MomentKind.RECURRING, MomentKind.DATED)
