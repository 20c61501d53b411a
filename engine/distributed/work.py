"""What is to be done on a day, as it travels to the machines: the rules, what was done before, what is read."""

from __future__ import annotations

import datetime as dt
import pickle
from dataclasses import dataclass
from functools import cached_property, lru_cache

import pyarrow as pa

from dsl.catalog import Owner
from dsl.datatypes import DataType, Kind
from dsl.typed import Attribute, Historic, MomentUse, Ruleset
from engine.experiments.experiment import hold_out, portfolio, split
from engine.matching.plan import Plan
from engine.matching.relaxed import relaxed
from engine.moments.gate import Gate, gate_of
from engine.plans import Plans
from engine.store.columns import read_columns
from engine.store.snapshot.pairs import KEYS, OWN

BatchKey = tuple[str, int, str, int]
"""moment, offset, zone, shard"""

Answers = tuple[str, str, int, int, int]
"""product, segment, and how many were shown, accepted and declined (`layout.OFFER_COUNTS`)"""

KEPT = frozenset(KEYS)


@dataclass(frozen=True)
class Work:
    """A day's order. `done` are the batches of the day that were finished before the snapshot, `answers` what became of
    offers by then: rows of the table of counts, which propensities are learned from.
    """

    ruleset: Ruleset
    day: dt.date
    now: dt.datetime
    paused: frozenset[str]
    done: frozenset[BatchKey]
    answers: tuple[Answers, ...] = ()

    @cached_property
    def plans(self) -> Plans:
        return Plans(self.ruleset)

    @cached_property
    def uses(self) -> list[MomentUse]:
        """The scheduled moments that active rules listen to."""
        return self.plans.scheduled(self.day)

    @cached_property
    def happening(self) -> list[MomentUse]:
        """The events that rules listen to, each with its delay."""
        return self.plans.happening()

    def gates(self) -> list[Gate]:
        return [gate_of(self.ruleset.catalog, use, self.day) for use in self.uses]

    def plan(self, use: MomentUse) -> Plan:
        """That of the day; for an event, whose own day counts, that of all rules that ever listen to it."""
        if use in self.happening:
            return self.plans.plan_of(use, self.plans.rules_of(use))
        return self.plans.plan(use, self.day)

    @cached_property
    def first_plans(self) -> dict[MomentUse, Plan]:
        """Of each scheduled moment the rules of the day, as far as they match whatever happened before (`relaxed`)."""
        listening = {use: self.plans.listening(use, self.day) for use in self.uses}
        return {use: Plan([relaxed(rule.condition) for rule in rules]) for use, rules in listening.items()}

    def terms(self) -> list[Historic]:
        """What the rules and prices ask of the past, each once."""
        every = (*self.uses, *self.happening)
        asked = (term for use in every for term in self.plan(use).terms)
        return list(dict.fromkeys((*asked, *self.plans.price_facts.terms)))

    def experiments(self) -> list[str]:
        """The salts of everything that is tried."""
        share = self.ruleset.catalog.policies.hold_out
        rules = self.plans.rule_table.rules
        tried = [portfolio(share)] if share else []
        tried += [hold_out(rule) for rule in rules if rule.hold_out] + [split(rule) for rule in rules if rule.split]
        return [one.salt for one in tried]

    def reads(self, use: MomentUse) -> tuple[Attribute, ...]:
        return self.plans.reads(use, self.plan(use))

    def attributes(self) -> list[Attribute]:
        """Everything that is read of customers and subscriptions, by all moments together."""
        every = (*self.uses, *self.happening)
        wanted = dict.fromkeys(one for use in every for one in self.reads(use) if one.owner is not Owner.EVENT)
        wanted |= dict.fromkeys(_anchor(gate) for gate in self.gates() if gate.attribute is not None)
        return [one for one in wanted if one.key not in KEPT and one.type.kind is not Kind.ELAPSED]

    def columns(self) -> pa.Schema:
        """The columns of the pairs that are read, as `store.snapshot.pairs` has them before they are coded."""
        texts = [(name, pa.string()) for name in (*KEYS, *OWN)]
        return pa.schema([*texts, *read_columns((), self.attributes()).schema])

    def packed(self) -> bytes:
        return pickle.dumps(Work(self.ruleset, self.day, self.now, self.paused, self.done, self.answers))


@lru_cache(maxsize=2)
def unpacked(packed: bytes) -> Work:
    """The order, made once in a process: its compiled plans serve every group of customers."""
    found: Work = pickle.loads(packed)
    return found


def _anchor(gate: Gate) -> Attribute:
    return Attribute(gate.owner, str(gate.attribute), DataType(Kind.DATE))
