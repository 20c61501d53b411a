"""The specification's own sentences: what must be accepted and which mistakes must be explained, and how."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dsl.service import Checked, check

LANGUAGE = Path(__file__).parents[2] / "shared" / "language"
pytestmark = pytest.mark.skipif(not LANGUAGE.is_dir(), reason="the specification is not beside this clone")

REJECTED = {
    # caret: (code, words of the message, words of the hint)
    "billing_anniversry": ("unknown-moment", "billing_anniversry", "billing_anniversary"),
    "tenur": ("unknown-attribute", "tenur", "tenure"),
    "$12": ("type-mismatch", "elapsed time, which cannot be compared with money", "12 months"),
    "premuim": ("unknown-plan", "premuim is not a plan", "premium"),
    "Germany": ("not-one-of", "not one of US, DE, FR, GB, BR, JP", ""),
    "page": ("other-moments-property", "belongs to website_visit, which this rule does not listen to", ""),
    "offer": ("missing-condition", 'a condition is missing after "and"', ""),
    "end": ("rule-does-nothing", "needs something to do", "offer, say, tag or call"),
    "120%": ("discount-range", "a discount is at most 100%", ""),
    "the second discount": ("two-prices", "two prices for one offer", ""),
    "carrier_pigeon": ("unknown-channel", "carrier_pigeon", "email, in_app, webhook, agent_screen"),
    "the condition": ("never-true", "(tenure > 12 months and tenure < 6 months)", ""),
    "b": ("segment-circle", "segments a and b refer to each other", ""),
    "the second twice": ("name-taken", "a.rules, line 1", ""),
    "2026-02-30": ("no-such-date", "no such date", ""),
    "the second <": ("chained-comparison", "", "tenure between 11 months and 19 months, or two comparisons"),
    "the opening quote": ("unclosed-quote", "not closed", ""),
    "EUR": ("other-currency", "every plan is priced in USD; this matches only subscriptions billed in EUR", ""),
    "gold": ("unknown-plan", "gold is not a plan", ""),
}
WITHOUT_CARET = {
    "info": ("missing-never-matches", 'add "or plan is missing" to include them', ""),
    "warning": ("no-cap", "meets every website_visit with an offer and no cap", "at most once per 30 days"),
    "the shares": ("shares", "add up to 110%", ""),
}
CARETS = {
    "end": "",
    "the second discount": "10% off",
    "the condition": "tenure > 12 and tenure < 6",
    "the second twice": "twice",
    "the second <": "<",
    "the opening quote": '"',
}


def check_beside(rules: str) -> Checked:
    """Rules with the specification's catalog and messages."""
    messages = {f"messages/{path.name}": path.read_text() for path in (LANGUAGE / "messages").iterdir()}
    return check({"catalog.yaml": (LANGUAGE / "catalog.yaml").read_text(), "a.rules": rules, **messages})


def paragraphs() -> list[tuple[str, str]]:
    """Each mistake and what the specification says of it."""
    if not LANGUAGE.is_dir():
        return []
    found = []
    for paragraph in (LANGUAGE / "reject.rules").read_text().split("\n\n")[1:]:
        lines = paragraph.strip().splitlines()
        said = [line.removeprefix("#= ") for line in lines if line.startswith("#=")]
        found.append(("\n".join(line for line in lines if not line.startswith("#=")), said[0]))
    return found


def test_every_sentence_is_accepted() -> None:
    checked = check_beside((LANGUAGE / "accept.rules").read_text())
    assert checked.ruleset is not None
    assert checked.errors == ()
    assert len(checked.ruleset.rules) == 16
    assert list(checked.ruleset.segments) == ["loyal", "quiet"]
    assert len(checked.declarations) == 21


@pytest.mark.parametrize(("rules", "said"), paragraphs(), ids=lambda value: value[:40])
def test_a_mistake_is_explained_as_the_specification_says(rules: str, said: str) -> None:
    diagnostics = check_beside(rules).diagnostics
    match = re.match(r"(?:warning )?at ([^:]+):", said)
    if match is None:
        expected = next(value for key, value in WITHOUT_CARET.items() if said.startswith(key))
        found = [one for one in diagnostics if one.code == expected[0]]
    else:
        at = match[1]
        expected = REJECTED[at]
        found = [one for one in diagnostics if one.source.slice(one.span) == CARETS.get(at, at)]
    assert found, [one.render() for one in diagnostics]
    code, message, hint = expected
    assert found[0].code == code
    assert message in found[0].message
    assert hint in (found[0].hint or "")
    assert found[0].is_error is not said.startswith(("warning", "info"))


def test_the_rest_of_a_broken_folder_is_listed_and_loaded() -> None:
    rules = next(rules for rules, said in paragraphs() if "gold" in said)
    checked = check_beside(rules)
    assert checked.ruleset is not None
    assert [(one.kind, one.is_broken) for one in checked.declarations] == [("rule", False), ("test", True)]
    assert [rule.name for rule in checked.ruleset.rules] == ["billing_anniversary_offer_premium"]
