"""Lines of the bench: what was measured, beside which peer or floor of the same run, and whether a goal is met."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import Any
from unittest import mock

REPEATS = 5
"""Medians are of so many measurements; peers take turns, so that a busy moment of the machine meets all of them."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table.

    `key` names the line whatever the sizes of this run. `ratio` reads "`ratio` times `beside`", as in "35 times as fast
    as zen-engine". Goals: `value` at most `most`, `ratio` at least `ratio_least` or at most `ratio_most`.
    """

    key: str
    what: str
    value: float
    unit: str
    ratio: float
    beside: str
    most: float | None = None
    ratio_least: float | None = None
    ratio_most: float | None = None

    @property
    def goal(self) -> str:
        """The goals in words, empty where the line has none."""
        goals = (
            f"under {self.most:g} {self.unit}" if self.most is not None else "",
            f"at least {self.ratio_least:g}x" if self.ratio_least is not None else "",
            f"within {self.ratio_most:g}x" if self.ratio_most is not None else "",
        )
        return ", ".join(filter(None, goals))

    @property
    def met(self) -> bool:
        """Whether all goals are reached."""
        return (
            (self.most is None or self.value <= self.most)
            and (self.ratio_least is None or self.ratio >= self.ratio_least)
            and (self.ratio_most is None or self.ratio <= self.ratio_most)
        )

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "goal": self.goal, "met": self.met}


def medians(calls: Mapping[str, Callable[[], object]], repeats: int = REPEATS, uncounted: int = 1) -> dict[str, float]:
    """Seconds that each call takes, the median of some repeats after a first that is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(uncounted + repeats):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if number >= uncounted:
                taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(some) for name, some in taken.items()}


@contextmanager
def timed_steps(steps: Sequence[tuple[str, object, str]]) -> Iterator[dict[str, float]]:
    """Seconds in each step of what runs meanwhile: (step, room, the name of the function that does it).

    A step that another one calls counts for itself alone.
    """
    seconds: dict[str, float] = defaultdict(float)
    inner = [0.0]

    def timed(step: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            inner.append(0.0)
            began = time.perf_counter()
            try:
                return call(*arguments, **options)
            finally:
                took = time.perf_counter() - began
                seconds[step] += took - inner.pop()
                inner[-1] += took

        return run

    with ExitStack() as stack:
        for step, room, name in steps:
            stack.enter_context(mock.patch.object(room, name, timed(step, getattr(room, name))))
        yield seconds


def scaled(count: int, scale: float, least: int) -> int:
    """A size of the full bench in a run of this scale."""
    return max(least, round(count * scale))


def thousands(number: int) -> str:
    return f"{number:,}"


def machine() -> dict[str, Any]:
    """What ran the bench, and how busy it was with other things."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as told:
            names = [line.partition(":")[2].strip() for line in told if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()
