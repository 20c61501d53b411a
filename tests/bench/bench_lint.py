"""How fast is the analysis? `python -m tests.bench.bench_lint [rules]`

Rules are what marketers write: two to four clauses of a dozen attributes, some priorities, offers and messages; spread
over fourteen moments, and then all at one. The whole folder from the start, and again after one rule was edited
(its file of twenty rules is checked again; only lint is timed, in seconds of the processor).
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

from dsl.service import check, forget, lint
from dsl.typed import Ruleset

CATALOG = (Path(__file__).parents[1] / "golden" / "catalog.yaml").read_text()
MOMENTS = (
    *("billing_anniversary", "signup_anniversary", "birthday", "renewal", "trial_ending", "website_visit", "download"),
    *("upgrade", "purchase", "support_call", "email_opened", "email_clicked", "payment_failed", "account_shared"),
)
COUNTRIES = ("US", "DE", "FR", "GB", "BR", "JP")
PLANS = ("free", "basic", "standard", "premium", "family")
A_FILE = 20


def clause(rng: random.Random) -> str:
    number, other = rng.randrange(60), rng.randrange(60)
    return rng.choice(
        (
            f"tenure {rng.choice(('>', '<', '>=', '<='))} {number}",
            f"plan = {rng.choice(PLANS)}",
            f"plan in ({', '.join(rng.sample(PLANS, 2))})",
            f"country in ({', '.join(rng.sample(COUNTRIES, 2))})",
            f"not (country = {rng.choice(COUNTRIES)})",
            f"seats between {min(number, other)} and {max(number, other)}",
            f"satisfaction > {number / 6:.1f}",
            f"mrr > ${number}",
            f"(autopay or tenure > {number})",
            f"interests includes {rng.choice(('sport', 'music', 'film'))}",
            'email ends with "@example.com"',
            rng.choice(("autopay", "not autopay", "marketing_ok")),
        )
    )


def rule(rng: random.Random, number: int, moment: str) -> str:
    where = " and ".join(dict.fromkeys(clause(rng) for _ in range(rng.randint(2, 4))))
    action = rng.choice((f"offer {rng.choice(PLANS)}", 'say "Hello {{ first_name }}"'))
    return f"rule r{number} on {moment} where {where} {action} priority {rng.randrange(4)}"


def folder(count: int, moments: tuple[str, ...]) -> dict[str, str]:
    rng = random.Random(7)
    rules = [rule(rng, number, rng.choice(moments)) for number in range(count)]
    files = {f"f{at}.rules": "\n\n".join(rules[at : at + A_FILE]) for at in range(0, count, A_FILE)}
    return {"catalog.yaml": CATALOG, **files}


def ruleset_of(files: dict[str, str]) -> Ruleset:
    checked = check(files)
    assert checked.ruleset is not None
    return checked.ruleset


def measure(name: str, files: dict[str, str]) -> None:
    forget()
    ruleset = ruleset_of(files)
    started = time.process_time()
    found = lint(ruleset)
    whole = time.process_time() - started
    rng = random.Random(1)
    edits = []
    for turn in range(20):
        path = rng.choice([one for one in files if one.endswith(".rules")])
        files = {**files, path: files[path].replace("tenure", f"seats > {turn} and tenure", 1)}
        edited = ruleset_of(files)
        started = time.process_time()
        lint(edited)
        edits.append(time.process_time() - started)
    edits.sort()
    print(f"{name:<24} {len(ruleset.rules):>6} {len(found):>9} {whole:>8.2f} s {edits[10] * 1e3:>9.1f} ms", end="")
    print(f" {edits[-1] * 1e3:>9.1f} ms")


def main(count: int) -> None:
    print(f"{'':<24} {'rules':>6} {'findings':>9} {'folder':>10} {'one edit':>12} {'slowest':>12}")
    measure("fourteen moments", folder(count, MOMENTS))
    measure("one moment", folder(count, ("billing_anniversary",)))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
