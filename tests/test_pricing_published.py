"""Offers against the worked examples of public billing systems (tests/golden/quote_examples.yaml)."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import yaml
from pricing_world import BASE

from dsl.service import check
from dsl.typed import Offer
from engine.pricing.quotes import Quote, quote
from engine.pricing.situations import Situation

EXAMPLES = yaml.safe_load((Path(__file__).parent / "golden" / "quote_examples.yaml").read_text("utf-8"))


def quoted(example: dict[str, Any]) -> Quote:
    phases = f", phases: {example['phases']}" if "phases" in example else ""
    plans = (
        f"plans: {{old: {{price: {example.get('old', '{month: 1 USD}')}}}, new: {{price: {example['new']}{phases}}}}}\n"
    )
    policy = f"policies: {{proration: {example.get('policy', 'by_day')}}}\n"
    checked = check({"catalog.yaml": BASE + plans + policy, "a.rules": f"rule r on bill offer {example['offer']}"})
    assert checked.ruleset is not None, [one.render() for one in checked.diagnostics]
    action = checked.ruleset.rules[0].actions[0]
    assert isinstance(action, Offer)
    interval = "year" if "year" in example["new"] else "month"
    situation = Situation("old", interval, example.get("currency", "USD"), anchor=example["anchor"])
    at = dt.datetime.fromisoformat(example["at"]) if "at" in example else None
    found = quote(checked.ruleset.catalog, action, "new", situation, example["day"], at)
    assert isinstance(found, Quote), found
    return found


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["source"][-50:])
def test_an_offer_comes_to_the_published_bills(example: dict[str, Any]):
    found = quoted(example)
    assert [f"{one.amount.amount:f}" for one in found.invoices][: len(example["bills"])] == example["bills"]
    assert found.until == example["until"]
    assert list(found.days[: len(example.get("days", ()))]) == example.get("days", [])
    due = found.now.due if found.now is not None else None
    assert (f"{due.amount:f}" if due is not None else None) == example.get("now")
    if "carried" in example:
        assert found.now is not None
        assert str(found.now.carried) == f"{example['carried']} USD"
