"""The tests that stand in a file of rules, run on the text as it is being edited."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.simulation.rule_tests import Result, run_tests
from web.drafts import Draft

MOST = 200
"""Of a file's tests so many are run while it is edited; `carpe test` runs them all."""


@dataclass(frozen=True, slots=True)
class Tested:
    """The results of a file's tests; `left` is how many were not run."""

    results: tuple[Result, ...]
    left: int

    @property
    def failed(self) -> tuple[Result, ...]:
        return tuple(each for each in self.results if not each.passed)

    @property
    def passed(self) -> int:
        return len(self.results) - len(self.failed)

    def to_json(self) -> dict[str, Any]:
        return {"passed": self.passed, "failed": [each.to_json() for each in self.failed], "left": self.left}


def tested(edited: Draft) -> Tested:
    if edited.ruleset is None:
        return Tested((), 0)
    mine = [each for each in edited.tests if each.source.path == edited.path]
    return Tested(run_tests(edited.ruleset, mine[:MOST]), len(mine[MOST:]))
