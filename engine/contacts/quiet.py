"""When something may be sent, given quiet hours in local time.

Quiet is what the customer's clock shows: from the start up to and without the end, over midnight where the end is not
after the start. What falls into it may be sent at the first instant from then on at which the clock shows another time.
So a clock that goes forward over the end ends it, and one that goes back into quiet hours begins them again.
"""

from __future__ import annotations

import datetime as dt

import numpy as np

from dsl.contact_policies import QuietHours
from engine.contacts.columns import Ints, Mask
from engine.contacts.local_time import DAY, SECOND, Offsets, offsets


def open_from(instants: Ints, zone: Ints, zones: tuple[str, ...], hours: QuietHours) -> Ints:
    """The first instant, from each on, that is not in quiet hours; instants in microseconds of Unix time."""
    found = instants.copy()
    for place in np.unique(zone):
        here = np.flatnonzero(zone == place)
        some = instants[here]
        found[here] = _open_from(some, offsets(zones[place], int(some.min()), int(some.max())), hours)
    return found


def _open_from(instants: Ints, zone: Offsets, hours: QuietHours) -> Ints:
    start, end = _time_of_day(hours.start), _time_of_day(hours.end)
    found = instants.copy()
    waiting = np.arange(len(found))
    while waiting.size:
        now = found[waiting]
        shown = (now + zone.at(now)) % DAY
        quiet = _is_quiet(shown, start, end)
        waiting, now, shown = waiting[quiet], now[quiet], shown[quiet]
        found[waiting] = np.minimum(now + (end - shown) % DAY, zone.next_change(now))
    return found


def _is_quiet(shown: Ints, start: int, end: int) -> Mask:
    if start < end:
        return (start <= shown) & (shown < end)
    return (start <= shown) | (shown < end)


def _time_of_day(time: dt.time) -> int:
    return (time.hour * 3600 + time.minute * 60 + time.second) * SECOND
