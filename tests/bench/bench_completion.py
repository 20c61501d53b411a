"""How fast are the editor's questions answered? `python -m tests.bench.bench_completion [rules]`

A folder of 1,000 rules, once in one file and once in twenty. Completion at random places of half-typed rules: each time
the text from the place to the end of its line is cut away, so that the file is a new one to the service, as it is after
a keystroke. Hover, definition and renaming at random places of the text as it is.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from dsl.language_service.completion import complete
from dsl.language_service.hover import hover
from dsl.language_service.navigation import definition
from dsl.language_service.reading import warm_up
from dsl.language_service.renaming import rename

CATALOG = (Path(__file__).parents[1] / "golden" / "catalog.yaml").read_text()
PARTS = (
    "tenure > {n} months",
    "plan in (basic, standard)",
    "country in (DE, FR)",
    "count of support_call where (minutes > {n}) in last {n} days < 3",
    "not has backup",
    "mrr between $8 and $50",
    "usage of storage >= 80% of quota of storage",
    "no payment_failed in last 12 months",
    "satisfaction >= 8",
)
MOMENTS = ("billing_anniversary", "birthday", "website_visit", "7 days before renewal", "support_call or upgrade")
ACTIONS = ("offer premium at 20% off for 3 months", "say hello", "offer best of standard, premium", "tag vip")
QUESTIONS = 3000


def rule(number: int, rng: random.Random) -> str:
    parts = "\n    and ".join(rng.sample(PARTS, rng.randint(2, 5))).format(n=rng.randint(1, 40))
    return (
        f'rule rule_{number} "Rule {number}"\n  on {rng.choice(MOMENTS)}\n  where {parts}\n  {rng.choice(ACTIONS)}\n'
        f"  via email\n  priority {number}\n  at most once per 90 days\n"
    )


def folder(count: int, files: int, rng: random.Random) -> dict[str, str]:
    """`count` rules in so many files, with a catalog and a message."""
    rules = [rule(number, rng) for number in range(count)]
    texts = {f"{at}.rules": "\n".join(rules[at::files]) for at in range(files)}
    return {"catalog.yaml": CATALOG, "messages/hello.txt": "Hello", **texts}


def measure(name: str, ask: Callable[[], object], times: int) -> None:
    taken = []
    for _ in range(times):
        start = time.process_time()
        ask()
        taken.append((time.process_time() - start) * 1000)
    quantiles = statistics.quantiles(taken, n=100)
    print(f"  {name:<34} {quantiles[49]:>8.2f} {quantiles[98]:>8.2f} {max(taken):>8.2f}")


def renamed(texts: dict[str, str], path: str, at: int) -> object:
    """The rule in which a place is."""
    return rename(texts, path, texts[path].index("rule_", max(0, at - 2000)) + 1, "other")


def main(count: int) -> None:
    rng = random.Random(3)
    start = time.process_time()
    warm_up()
    print(f"the grammar, once a process: {(time.process_time() - start) * 1000:.0f} ms")
    print(f"milliseconds (CPU), {count:,} rules".ljust(36) + f" {'median':>8} {'99%':>8} {'most':>8}")
    for files in (1, 20):
        texts = folder(count, files, rng)
        paths = [path for path in texts if path.endswith(".rules")]

        def completed(texts: dict[str, str] = texts, paths: list[str] = paths) -> object:
            path = rng.choice(paths)
            at = rng.randrange(len(texts[path]))
            end = texts[path].find("\n", at)
            return complete({**texts, path: texts[path][:at] + texts[path][end:]}, path, at)

        def asked(
            what: Callable[[dict[str, str], str, int], object],
            texts: dict[str, str] = texts,
            paths: list[str] = paths,
        ) -> object:
            path = rng.choice(paths)
            return what(texts, path, rng.randrange(len(texts[path])))

        hover(texts, paths[0], 3)  # checks the folder, once
        of_files = f", {files} file{'s' * (files > 1)}"
        measure("completion" + of_files, completed, QUESTIONS)
        measure("hover" + of_files, lambda: asked(hover), QUESTIONS)
        measure("definition" + of_files, lambda: asked(definition), QUESTIONS // 10)
        measure("renaming a rule" + of_files, lambda: asked(renamed), 20)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
