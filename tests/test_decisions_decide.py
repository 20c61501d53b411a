"""Arbitration against an oracle that goes customer by customer, and the worked cases of the rule it follows."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.catalog import Catalog, Policies, Product
from dsl.products import Charge, Model
from dsl.typed import All, MomentUse, Offer, Rule, Say, Tag
from engine.decisions.decide import _sorted
from engine.decisions.identity import decision_id
from engine.decisions.rule_table import compile_rules
from engine.decisions.tables import decide_batch
from engine.errors import CarpeError

PRICES = {"basic": 10, "premium": 40, "backup": 5, "support": 9}
"""A month, in dollars."""


def sold(name: str, **more) -> Product:
    charge = Charge(Model.FLAT, "USD", Decimal(100 * PRICES[name]))
    return Product(name, name.title(), {"month": (charge,)}, **more)


CATALOG = Catalog(
    currency="USD",
    timezone="UTC",
    plans={"basic": sold("basic"), "premium": sold("premium", rank=1)},
    addons={"backup": sold("backup"), "support": sold("support", needs=("premium",))},
    channels=("email", "in_app"),
    policies=Policies(consent={"email": "marketing_ok"}),
)
NINE = dt.datetime(2026, 3, 15, 9, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Met:
    """One row of a batch."""

    customer: str = "c1"
    subscription: str | None = "s1"
    subject: str = "s1"
    moment: str = "bill"
    key: str = "bill:2026-03"
    due_at: dt.datetime = NINE
    plan: str | None = "basic"
    addons: tuple[str, ...] | None = ()
    marketing_ok: bool | None = True


def table(rows: list[Met]) -> pa.Table:
    return pa.table(
        {
            "customer": [each.customer for each in rows],
            "subscription": pa.array([each.subscription for each in rows], pa.string()),
            "subject": [each.subject for each in rows],
            "moment": [each.moment for each in rows],
            "offset": pa.array([0] * len(rows), pa.int32()),
            "occurrence": [each.key for each in rows],
            "due_at": pa.array([each.due_at for each in rows], pa.timestamp("us", "UTC")),
            "subscription.currency": pa.array(["USD" if each.subscription else None for each in rows], pa.string()),
            "subscription.plan": pa.array([each.plan for each in rows], pa.string()),
            "subscription.addons": pa.array([each.addons for each in rows], pa.list_(pa.string())),
            "customer.marketing_ok": pa.array([each.marketing_ok for each in rows], pa.bool_()),
        }
    )


def rule(name: str, *actions: Offer | Say | Tag, priority: int = 0, via: tuple[str, ...] = ("in_app",)) -> Rule:
    return Rule(name, None, (MomentUse("bill"),), All(()), actions, via, priority)


def decided(rows: list[Met], rules: list[Rule], pairs: list[tuple[int, int]], taken=None) -> list[dict]:
    matches = pa.table({"row": pa.array([a for a, _ in pairs], pa.int32()), "rule": [b for _, b in pairs]})
    return decide_batch(table(rows), matches, compile_rules(rules, CATALOG), taken, day=NINE.date()).to_pylist()


def results(lines: list[dict], rules: list[Rule]) -> dict[str, tuple[str, str | None, str | None]]:
    return {rules[line["rule"]].name: (line["result"], line["reason"], line["detail"]) for line in lines}


# --- worked cases ----------------------------------------------------------------------------------------------------


def test_the_higher_priority_wins_and_the_other_is_told_who_won():
    rules = [rule("low", Offer(("premium",))), rule("high", Say("hello"), priority=5)]
    lines = decided([Met()], rules, [(0, 0), (0, 1)])
    assert results(lines, rules) == {"high": ("said", None, None), "low": ("held", "outranked", "high")}
    assert [line["rank"] for line in lines] == [0, 1]
    assert [line["slot"] for line in lines] == [1, None]


def test_one_contact_a_customer_and_occasion_even_for_two_subscriptions():
    rules = [rule("a", Offer(("premium",)))]
    rows = [Met(), Met(subscription="s2", subject="s2")]
    lines = decided(rows, rules, [(0, 0), (1, 0)])
    assert [(line["row"], line["result"], line["detail"]) for line in lines] == [(0, "offered", None), (1, "held", "a")]


def test_a_customers_own_moment_is_decided_once_on_the_subscription_that_may_have_it():
    rules = [rule("a", Offer(("premium",)))]
    rows = [
        Met(subject="c1", key="birthday:2026", plan="premium"),
        Met(subject="c1", key="birthday:2026", subscription="s2"),
    ]
    lines = decided(rows, rules, [(0, 0), (1, 0)])
    assert [(line["row"], line["result"]) for line in lines] == [(1, "offered")]


def test_another_instant_is_another_occasion():
    rules = [rule("a", Say("x")), rule("b", Say("x"))]
    later = Met(due_at=NINE + dt.timedelta(seconds=1), key="bill:other")
    assert [line["result"] for line in decided([Met(), later], rules, [(0, 0), (1, 1)])] == ["said", "said"]


@pytest.mark.parametrize(
    ("met", "offer", "reason", "detail"),
    [
        (Met(plan="premium"), "premium", "already_has", "premium"),
        (Met(addons=("backup",)), "backup", "already_has", "backup"),
        (Met(), "support", "needs_plan", "support"),
        (Met(plan=None), "support", "needs_plan", "support"),
        (Met(subscription=None, plan=None, addons=None), "backup", "no_subscription", "backup"),
    ],
)
def test_who_may_not_have_it_is_held_with_the_reason(met, offer, reason, detail):
    rules = [rule("a", Offer((offer,)))]
    assert results(decided([met], rules, [(0, 0)]), rules) == {"a": ("held", reason, detail)}


def test_best_of_falls_to_the_next_that_may_be_offered():
    rules = [rule("a", Offer(("basic", "premium", "backup")))]
    assert [line["product"] for line in decided([Met()], rules, [(0, 0)])] == ["premium"]


@pytest.mark.parametrize("consent", [False, None])
def test_without_consent_only_the_open_channels_are_left(consent):
    rules = [rule("both", Say("x"), via=("email", "in_app")), rule("mail", Say("x"), via=("email",))]
    lines = decided([Met(marketing_ok=consent)], rules, [(0, 0), (0, 1)])
    assert results(lines, rules)["mail"] == ("held", "no_consent", "email")
    assert [line["channels"] for line in lines if line["slot"]] == [["in_app"]]


def test_a_rule_that_only_tags_does_not_compete():
    rules = [rule("offer", Offer(("premium",))), rule("tag", Tag("vip"), priority=9, via=())]
    lines = decided([Met(marketing_ok=False)], rules, [(0, 0), (0, 1)])
    assert results(lines, rules) == {"tag": ("tagged", None, None), "offer": ("offered", None, None)}


def test_an_occurrence_that_was_won_before_is_not_won_again():
    rules = [rule("new", Say("x"), priority=99)]
    lines = decided([Met()], rules, [(0, 0)], {("s1", "bill", 0, "bill:2026-03"): "old"})
    assert results(lines, rules) == {"new": ("held", "outranked", "old")}


@pytest.mark.parametrize("first", [0, 1])
def test_of_one_rules_two_moments_the_first_subject_by_name_wins_whichever_comes_first(first: int):
    rules = [rule("a", Say("x"))]
    both = [Met(subject="c1", moment="birthday", key="birthday:2026"), Met()]
    rows = [both[first], both[1 - first]]
    lines = decided(rows, rules, [(0, 0), (1, 0)])
    assert [(rows[line["row"]].subject, line["result"]) for line in lines] == [("c1", "said"), ("s1", "held")]


def test_a_paused_rule_holds_what_it_matches_before_anything_else_does():
    rules = [rule("a", Offer(("premium",))), rule("b", Say("x"))]
    matches = pa.table({"row": [0, 0], "rule": [0, 1]})
    met = table([Met(plan="premium", marketing_ok=False)])
    lines = decide_batch(met, matches, compile_rules(rules, CATALOG), paused={"a"}, day=NINE.date()).to_pylist()
    assert results(lines, rules) == {"b": ("said", None, None), "a": ("held", "paused", None)}


def test_numbers_too_large_to_be_packed_sort_alike():
    rng = np.random.default_rng(1)
    keys = [rng.integers(0, 5, 200) for _ in range(4)]
    packed = _sorted(*((each, 5) for each in keys))
    one_by_one = _sorted(*((each, 1 << 40) for each in keys))
    for order in (packed, one_by_one):
        told = list(zip(*(each[order].tolist() for each in keys), strict=True))
        assert told == sorted(zip(*(each.tolist() for each in keys), strict=True))


def test_more_channels_than_bits_are_refused_in_a_sentence():
    many = replace(CATALOG, channels=tuple(f"channel_{n}" for n in range(40)))
    with pytest.raises(CarpeError, match="40 channels; Carpe runs at most 32"):
        compile_rules([], many)


def test_nothing_matched_is_nothing_decided():
    assert decided([Met()], [rule("a", Say("x"))], []) == []


def test_decision_ids_are_frozen():
    """They are the once-only keys of every store there is: they must never change."""
    assert decision_id("birthday_wishes", "c1", "birthday:2026") == "feceb7b53bc84a1bd9b101d68105ec1f"
    assert decision_id("a", "b\x1fc", "d") != decision_id("a\x1fb", "c", "d")


# --- the oracle ------------------------------------------------------------------------------------------------------

actions = st.sampled_from(
    [(Offer(("premium",)),), (Offer(("basic", "support")),), (Offer(("backup",)),), (Say("x"),), (Tag("vip"),)]
)
random_rules = st.lists(
    st.tuples(actions, st.integers(-1, 2), st.sampled_from([("email",), ("in_app",), ("email", "in_app")])),
    min_size=1,
    max_size=5,
).map(lambda each: [rule(f"rule_{n}", *acts, priority=p, via=via) for n, (acts, p, via) in enumerate(each)])


@st.composite
def batches(draw):
    rows = []
    for number in range(draw(st.integers(1, 3))):
        customer = f"c{number}"
        plans = draw(st.lists(st.sampled_from(["basic", "premium", None]), max_size=3))
        held = [(f"{customer}-s{n}", plan) for n, plan in enumerate(plans)] or [(None, None)]
        consent = draw(st.sampled_from([True, False, None]))
        for subscription, plan in held:
            addons = None if subscription is None else draw(st.sampled_from([(), ("backup",)]))
            rows.append(Met(customer, subscription, customer, "birthday", "birthday:2026", NINE, plan, addons, consent))
            if subscription is not None:
                rows.append(
                    Met(customer, subscription, subscription, "bill", "bill:2026-03", NINE, plan, addons, consent)
                )
    return rows


def oracle(rows: list[Met], rules: list[Rule], pairs: list[tuple[int, int]]) -> set[tuple]:
    """(rule, subject, key, subscription, result, reason, product) of each candidate, by plain loops."""
    found = set()
    for customer in {each.customer for each in rows}:
        candidates = {}
        for row, number in pairs:
            met, one = rows[row], rules[number]
            if met.customer != customer:
                continue
            product, reason = may_have(met, one)
            score = 0 if reason or product is None else value(met, product)
            contact = not isinstance(one.actions[0], Tag)
            if reason is None and contact and not any(c != "email" or met.marketing_ok for c in one.via):
                reason = "no_consent"
            rank = (reason is not None, -one.priority, -score, one.name, met.subject, met.subscription or "")
            key = (one.name, met.subject, met.key)
            if key not in candidates or rank < candidates[key][0]:
                candidates[key] = (rank, met, one, product, reason, contact)
        free = [each for each in candidates.values() if each[4] is None and each[5]]
        winner = min(free, key=lambda each: each[0], default=None)
        for each in candidates.values():
            _, met, one, product, reason, contact = each
            if reason is None and contact and each is not winner:
                reason = "outranked"
            kinds = {Offer: "offered", Say: "said", Tag: "tagged"}
            result = "held" if reason else kinds[type(one.actions[0])]
            found.add((one.name, met.subject, met.key, met.subscription, result, reason, product))
    return found


def may_have(met: Met, one: Rule) -> tuple[str | None, str | None]:
    products = one.actions[0].products if isinstance(one.actions[0], Offer) else ()
    reasons = []
    for product in products:
        if product in ("basic", "premium"):
            lower = met.plan == "premium" and product == "basic"
            reason = "already_has" if met.plan == product else "no_path" if lower else None
        elif met.subscription is None:
            reason = "no_subscription"
        elif product in met.addons:
            reason = "already_has"
        else:
            reason = "needs_plan" if product == "support" and met.plan != "premium" else None
        reasons.append(reason)
    free = [product for product, reason in zip(products, reasons, strict=True) if reason is None]
    if free:
        return max(free, key=lambda product: value(met, product)), None
    return (products[0], reasons[0]) if products else (None, None)


def value(met: Met, product: str) -> int:
    """What a year of it brings more than a year of the plan that it replaces."""
    replaces = PRICES[met.plan] if met.plan and product in CATALOG.plans else 0
    return 12 * (PRICES[product] - replaces)


@given(batches(), random_rules, st.randoms(use_true_random=False))
def test_decide_agrees_with_plain_loops_in_whatever_order(rows: list[Met], rules: list[Rule], rng: random.Random):
    pairs = [(a, b) for a in range(len(rows)) for b in range(len(rules)) if rng.random() < 0.7]
    expected = oracle(rows, rules, pairs)
    order = rng.sample(range(len(rows)), len(rows))
    shuffled = [(order.index(a), b) for a, b in pairs]
    rng.shuffle(shuffled)
    lines = decided([rows[n] for n in order], rules, shuffled)
    found = {
        (
            rules[line["rule"]].name,
            (met := rows[order[line["row"]]]).subject,
            met.key,
            met.subscription,
            line["result"],
            line["reason"],
            line["product"],
        )
        for line in lines
    }
    assert found == expected
    assert len(lines) == len(expected)
    winners = [rows[order[line["row"]]].customer for line in lines if line["slot"]]
    assert len(winners) == len(set(winners))
