"""`policies: propensity` in the catalog: what may be said, and what each mistake is told."""

from __future__ import annotations

from decimal import Decimal

import pytest

from dsl.catalog_reader import read_catalog
from dsl.propensity import PropensityPolicy
from dsl.source import Source

CATALOG = """currency: USD
timezone: UTC
customer:
  country: {type: enum, values: [US, DE]}
  name:    {type: text}
  likely:  {type: number}
  loyal:   {type: flag}
subscription:
  plan:   {type: plan}
  likely: {type: number}
plans: {basic: {rank: 1, price: {month: 10 USD}}}
channels: [email]
policies:
  propensity: """


def read(said: str) -> PropensityPolicy | None:
    found, problems = read_catalog(Source("catalog.yaml", f"{CATALOG}{said}\n"))
    assert found is not None, [one.render() for one in problems]
    return found.policies.propensity


@pytest.mark.parametrize(
    ("said", "policy"),
    [
        ("{}", PropensityPolicy()),
        ("{by: country}", PropensityPolicy(by="customer.country")),
        ("{by: loyal, explore: true}", PropensityPolicy(by="customer.loyal", explore=True)),
        ("{by: plan, prior: 2.5%}", PropensityPolicy(by="subscription.plan", prior=Decimal("2.5"))),
        ("{from: likely}", PropensityPolicy(column="subscription.likely")),  # its own before the customer's
    ],
)
def test_what_may_be_said(said: str, policy: PropensityPolicy) -> None:
    assert read(said) == policy


@pytest.mark.parametrize(
    ("said", "code", "message"),
    [
        ("{prior: 0%}", "wrong-value", "prior lies between 0% and 100%, both excluded"),
        ("{prior: 100%}", "wrong-value", "prior lies between 0% and 100%, both excluded"),
        ("{prior: maybe}", "wrong-value", "prior"),
        ("{explore: yes}", "wrong-value", "explore is true or false, not yes"),
        ("{by: name}", "propensity-attribute", "name is not an enum, plan or flag"),  # a text has no end of values
        ("{from: country}", "propensity-attribute", "country is not a number"),
        ("{by: contry}", "propensity-attribute", "contry is not an enum, plan or flag"),
        ("{learn: country}", "unknown-key", "learn"),
        ("often", "wrong-shape", "propensity"),
    ],
)
def test_each_mistake_is_told_with_its_place(said: str, code: str, message: str) -> None:
    _, (problem,) = read_catalog(Source("catalog.yaml", f"{CATALOG}{said}\n"))
    assert problem.code == code
    assert message in problem.message
    assert problem.source.position(problem.span.start).line == 14
    assert problem.hint
