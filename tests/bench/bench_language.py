"""What does the language cost? `python tests/bench/bench_language.py [RULES]` prints a table, medians of five.

Rules are what marketers write: a title, one to four clauses, an offer with a price or a message, some clauses; a
hundred to a file. Cold is a folder never seen before with the grammar read; warm is the same folder again; an edit
changes one number in one file. Completion is asked behind words all over one file.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from dsl import service
from dsl.folder import Files
from dsl.formatter import format_source
from dsl.language_service.completion import complete
from dsl.source import Source

TESTS = Path(__file__).resolve().parents[1]
REPEATS = 5
A_FILE = 100

MOMENTS = ("billing_anniversary", "birthday", "7 days before renewal", "website_visit", "support_call", "upgrade")
CLAUSES = (
    "tenure > {n} months",
    "plan in (basic, standard)",
    "country in (US, DE, FR)",
    "mrr between ${n} and $1{n}",
    "not has backup",
    "satisfaction >= {n}.5 or satisfaction is missing",
    "count of support_call in last {n} days < 3",
    "interests includes sport",
    "seats > {n}",
    "last website_visit more than {n} days ago",
    "not was offered premium in last {n} days",
    'email ends with "@example{n}.com"',
)
ACTIONS = ("offer premium at 20% off for {n} months", 'say "Hello, {{{{ first_name }}}}, number {n}!"', "offer family")


def folder(count: int, rng: random.Random) -> dict[str, str]:
    """The golden catalog and so many rules."""
    files = {"catalog.yaml": (TESTS / "golden" / "catalog.yaml").read_text("utf-8")}
    written = [rule(number, rng) for number in range(count)]
    for start in range(0, count, A_FILE):
        files[f"rules_{start:05}.rules"] = "\n".join(written[start : start + A_FILE])
    return files


def rule(number: int, rng: random.Random) -> str:
    clauses = [clause.format(n=rng.randint(1, 9)) for clause in rng.sample(CLAUSES, rng.randint(1, 4))]
    joined = "\n    and ".join(f"({clause})" if " or " in clause else clause for clause in clauses)
    action = rng.choice(ACTIONS).format(n=rng.randint(1, 9))
    return (
        f'rule rule_{number} "Number {number}"\n  on {rng.choice(MOMENTS)}\n  where {joined}\n  {action}\n'
        f"  via email, in_app\n  priority {rng.randint(0, 100)}\n  at most once per {rng.randint(1, 90)} days\n"
    )


def timed(call: Callable[[], object], before: Callable[[], object] = lambda: None) -> float:
    """Seconds, the median of five; `before` is not counted."""
    took = []
    for _ in range(REPEATS):
        before()
        took.append(seconds(call))
    return statistics.median(took)


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def edits(files: Files) -> Iterator[dict[str, str]]:
    """The folder with another number in its first rule, again and again."""
    path = next(path for path in files if path.endswith(".rules"))
    for number in range(1_000_000, 2_000_000):
        yield {**files, path: files[path].replace('"Number 0"', f'"Number {number}"', 1)}


def completions(files: Files) -> list[float]:
    """Seconds of each of some hundred questions, in files as they are typed."""
    path = next(path for path in files if path.endswith(".rules"))
    text = files[path]
    places = [at for at, letter in enumerate(text) if letter == " "][:: max(1, text.count(" ") // 500)]
    complete(files, path, places[0])
    return [seconds(lambda at=at: complete(files, path, at + 1)) for at in places]


def rows(count: int) -> Iterator[tuple[str, float, str]]:
    """What was done, how long it took in seconds, and what is aimed at."""
    files = folder(count, random.Random(1))
    checked = service.check(files)
    assert not checked.errors, checked.errors[0].render()
    yield f"{count:,} rules, parse and check, cold", timed(lambda: service.check(files), service.forget), "1.5 s"
    yield f"{count:,} rules, parse and check, warm", timed(lambda: service.check(files)), ""
    alone = edits({"catalog.yaml": files["catalog.yaml"], "a.rules": rule(0, random.Random(1))})
    yield "one edited rule, a file of its own", timed(lambda: service.check(next(alone))), "10 ms"
    edited = edits(files)
    yield f"one edited rule among {A_FILE} of {count:,}", timed(lambda: service.check(next(edited))), ""
    asked = sorted(completions(files))
    yield "completion, median", statistics.median(asked), ""
    yield "completion, 99th percentile", asked[len(asked) * 99 // 100], "10 ms"
    assert checked.ruleset is not None
    ruleset = checked.ruleset
    yield f"{count:,} rules, quick analysis, cold", timed(lambda: service.lint(ruleset), service.forget), "3 s"
    changed = (service.check(folder).ruleset for folder in edited)
    waiting = [next(changed) for _ in range(REPEATS)]
    service.lint(ruleset)
    yield "quick analysis after one edit", timed(lambda: service.lint(waiting.pop())), "50 ms"
    many = folder(10 * count, random.Random(2))
    sources = [Source(path, text) for path, text in many.items() if path.endswith(".rules")]
    yield f"{10 * count:,} rules, format", timed(lambda: [format_source(source) for source in sources]), "10 s"


def main(count: int) -> None:
    table = Table("what", "took", "aim", title=f"the language, medians of {REPEATS}")
    for what, took, aim in rows(count):
        table.add_row(what, f"{took:.2f} s" if took >= 1 else f"{took * 1000:.2f} ms", aim)
    Console(width=100).print(table)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
