"""`python -m tests.torture.contacts [WORLDS]`: contact policies beside plain loops, and the changes of every zone.

Worlds are those of the fast tests, a hundred times as many. Every zone is asked for its offset every three hours from
1970 to 2037: the changes found by asking once a day must be all there are.
"""

from __future__ import annotations

import datetime as dt
import sys
import time
import zoneinfo
from itertools import pairwise

from engine.contacts.local_time import SECOND, offsets
from tests.test_contacts import World, causes, expected

FIRST, LAST = 1970, 2037


def prove_policies(worlds: int) -> int:
    """How many candidates were decided, all of them as the loops say."""
    decided = 0
    for seed in range(worlds):
        world = World(seed)
        found = world.check(world.asks, world.met, world.declined)
        reason = [cause and cause[0] for cause in causes(found)]
        answers = list(zip(found.open.tolist(), reason, strict=True))
        assert answers == [expected(world, ask) for ask in world.asks], seed
        decided += len(answers)
    return decided


def prove_changes(zone: str) -> int:
    """How many changes a zone has; none is missing and none is made up."""
    there = zoneinfo.ZoneInfo(zone)
    first, last = (int(dt.datetime(year, 1, 1, tzinfo=dt.UTC).timestamp()) for year in (FIRST, LAST))
    asked = [(second, _offset(there, second)) for second in range(first, last, 3 * 3600)]
    changed = [later for earlier, later in pairwise(asked) if earlier[1] != later[1]]
    found = offsets(zone, first * SECOND, (last - 1) * SECOND)
    known = [(at // SECOND, off // SECOND) for at, off in zip(found.since.tolist(), found.offset.tolist(), strict=True)]
    inside = [(at, offset) for at, offset in known[1:] if at < asked[-1][0]]
    assert len(inside) == len(changed), zone
    for (at, offset), (second, new) in zip(inside, changed, strict=True):
        assert second - 3 * 3600 < at <= second, (zone, at)
        assert offset == new == _offset(there, at) != _offset(there, at - 1), (zone, at)
    return len(inside)


def _offset(zone: zoneinfo.ZoneInfo, second: int) -> int:
    return int((dt.datetime.fromtimestamp(second, zone).utcoffset() or dt.timedelta(0)).total_seconds())


def main() -> None:
    started = time.monotonic()
    worlds = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    print(f"policies: {prove_policies(worlds):,} candidates of {worlds:,} worlds as plain loops decide them")
    zones = sorted(zoneinfo.available_timezones() - {"localtime", "Factory"})
    print(
        f"zones: {sum(map(prove_changes, zones)):,} changes of {len(zones)} zones from {FIRST} to {LAST}, none missing"
    )
    print(f"proved in {time.monotonic() - started:.0f} seconds")


if __name__ == "__main__":
    main()
