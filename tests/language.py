"""A ruleset in a test: the golden catalog and one file of rules."""

from __future__ import annotations

from pathlib import Path

from dsl.service import Checked, check
from dsl.typed import Rule

GOLDEN = Path(__file__).parent / "golden"
CATALOG = (GOLDEN / "catalog.yaml").read_text()


def check_text(text: str, **messages: str) -> Checked:
    """The folder of the golden catalog, these rules and the given messages."""
    files = {f"messages/{name}.txt": template for name, template in messages.items()}
    return check({"catalog.yaml": CATALOG, "a.rules": text, **files})


def only_rule(text: str, **messages: str) -> Rule:
    """The one rule of a text without errors."""
    checked = check_text(text, **messages)
    assert checked.ruleset is not None
    assert not checked.errors, "\n".join(one.render() for one in checked.errors)
    (rule,) = checked.ruleset.rules
    return rule
