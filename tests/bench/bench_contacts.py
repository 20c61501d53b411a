"""How long contact policy, experiments and propensity take for a day's candidates.

    python tests/bench/bench_contacts.py [CANDIDATES]

As many candidates as a day has due rows (360,000 by default) of a third as many customers, who have three contacts each
behind them; caps, pauses between offers, cool-downs, rules with `at most once per`, quiet hours in thirty zones. Each
line is told beside hashing every customer with BLAKE2b in Python, the floor of anything that takes them one by one.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from zoneinfo import available_timezones

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import pyarrow as pa

from dsl.catalog import Catalog, Policies
from dsl.choices import TimeUnit
from dsl.contact_policies import Cap, QuietHours
from dsl.typed import All, MomentUse, Rule
from dsl.windows import Window
from engine.contacts.award import award
from engine.contacts.check import Before, check
from engine.contacts.columns import Candidates, Contacts, Declines
from engine.contacts.policy import contact_policy
from engine.experiments.assignment import arms
from engine.experiments.experiment import Experiment, Share
from engine.propensity.outcomes import Outcomes
from engine.propensity.pooling import learn
from engine.propensity.scores import drawn, draws
from tests.bench.measuring import machine, medians

DAY = 86_400_000_000
NINE = int(dt.datetime(2026, 3, 15, 9, tzinfo=dt.UTC).timestamp()) * 1_000_000
ZONES = tuple(sorted(name for name in available_timezones() if name.startswith(("Europe/", "America/New_York")))[:30])
RULES, PRODUCTS, SEGMENTS = 1000, 20, 50
SAID = Policies(
    caps=(
        Cap("email", 2, Window(7, TimeUnit.DAYS)),
        Cap("any", 3, Window(7, TimeUnit.DAYS)),
        Cap("any", 8, Window(1, TimeUnit.MONTHS)),
    ),
    quiet={"email": QuietHours(dt.time(20), dt.time(8)), "sms": QuietHours(dt.time(20), dt.time(8), hold=True)},
    after_decline=Window(30, TimeUnit.DAYS),
    after_offer=Window(14, TimeUnit.DAYS),
    between_offers=Window(1, TimeUnit.DAYS),
)


def candidates(count: int, rng: np.random.Generator) -> Candidates:
    customer = rng.integers(0, count // 3, count)
    bits = rng.integers(1, 8, count).astype(np.uint64)
    everything = np.full(count, 7, np.uint64)
    at, zone = np.full(count, NINE), customer % len(ZONES)
    who = (customer, rng.integers(0, RULES, count), rng.integers(-1, PRODUCTS, count), np.zeros(count, np.int64))
    return Candidates(*who, bits, everything, everything, at, at, zone, ZONES)


def before(count: int, rng: np.random.Generator) -> Before:
    """Three contacts a customer in the last ninety days, and a decline of every tenth."""
    who = (rng.integers(0, count // 3, count), rng.integers(0, RULES, count), rng.integers(-1, PRODUCTS, count))
    at = NINE - rng.integers(1, 90, count) * DAY
    bits = rng.integers(1, 8, count).astype(np.uint64)
    contacts = Contacts(*who, np.zeros(count, np.int64), bits, at, np.zeros(count, np.bool_))
    tenth = slice(0, count // 30)
    return Before(contacts, Declines(who[0][tenth], np.abs(who[2][tenth]), at[tenth]))


def calls(count: int) -> dict[str, Callable[[], object]]:
    rng = np.random.default_rng(1)
    once = [Window(90, TimeUnit.DAYS) if number % 2 else None for number in range(RULES)]
    rules = [Rule(f"r{n}", None, (MomentUse("m"),), All(()), (), at_most_once=one) for n, one in enumerate(once)]
    policy = contact_policy(Catalog("USD", "UTC", channels=("email", "sms", "in_app"), policies=SAID), rules)
    asked, known = candidates(count, rng), before(count, rng)
    rank, nobody = np.arange(count), np.zeros(count, np.bool_)
    ids = pa.array([f"cus_{number:09}" for number in asked.customer.tolist()])
    octets = ids.cast(pa.binary()).to_pylist()
    offers = pa.array([f"offer_{number}" for number in asked.product.tolist()])
    occasions = pa.array(["birthday:2026"] * count)
    shown = rng.integers(0, 1000, (PRODUCTS, SEGMENTS))
    beliefs = learn(Outcomes(shown, rng.binomial(shown, 0.05)))
    segment = asked.customer % SEGMENTS
    experiment = Experiment("split:r", (Share("a", Decimal(40)), Share("b", Decimal(40))), "control")
    return {
        "BLAKE2b of each customer": lambda: [hashlib.blake2b(one, digest_size=8).digest() for one in octets],
        "contact policy, one look": lambda: check(asked, known, policy),
        "contact policy, slots awarded": lambda: award(asked, rank, nobody, known, policy),
        "arms of an experiment": lambda: arms(ids, experiment, {}),
        "Thompson sampling": lambda: drawn(beliefs, np.abs(asked.product), segment, draws(1, ids, offers, occasions)),
        "rates learned": lambda: learn(Outcomes(shown, shown // 20)),
    }


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 360_000
    here = machine()
    print(f"{count:,} candidates; {here['processor']}, {here['cores']} cores, load {here['load']}")
    taken = medians(calls(count))
    floor = next(iter(taken.values()))
    for name, seconds in taken.items():
        print(f"{name:32} {seconds * 1000:8.0f} ms {seconds / floor:8.2f}x")


if __name__ == "__main__":
    main()
