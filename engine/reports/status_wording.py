"""The status for people: one sentence on how it stands, then a few labelled lines, for terminal and web page alike."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence

from dsl.suggestions import listed
from engine.decisions import reasons
from engine.reports.status import LastPass, Status, Zone
from engine.store.zones import Fallback
from engine.unavailable import notice

SHOWN = 4
"""Names that are listed before the rest is counted."""


def sentence(status: Status) -> str:
    """How it stands, and what to do where a person is needed."""
    trouble = status.trouble or next((each.trouble for each in status.workers if each.trouble), None)
    return f"{_standing(status)} {trouble}" if trouble else _standing(status)


def _standing(status: Status) -> str:
    match status.state:
        case "clock_held":
            held = status.clock_hold.reason if status.clock_hold else ""
            return f"Nothing is decided: the clock is suspect. {held} `carpe resume --accept-clock` goes on."
        case "paused":
            return f"Everything is paused ({status.pauses[0].reason.rstrip('.')}); `carpe resume` goes on."
        case "no_scheduler":
            return "No scheduler runs; `carpe scheduler` or `carpe serve` starts one."
        case "late":
            last = _ago(status.now - status.workers[0].beat_at)
            return f"No scheduler has given a sign of life for {last}; look at its log, or start another."
    if status.lag:
        return f"Carpe decides, and is {_days(status.lag)} behind."
    return "Carpe decides what is due; nothing lags."


def lines(status: Status) -> Iterator[tuple[str, str]]:
    """Label and text, in the order of what one wants to know first; a label may come several times."""
    yield from (("Scheduler", each) for each in _schedulers(status))
    yield "Last pass", _last(status.last_pass)
    yield from (("Done", each) for each in _done(status.zones))
    yield from (("Zones", each) for each in _without_zone(status))
    yield "Due today", _due(status)
    yield "Events", _events(status)
    counts = [f"{count:,} {state}" for state, count in status.deliveries.items()]
    yield "Deliveries", ", ".join(counts) or "none yet"
    for pause in status.pauses:
        name = pause.rule or "everything"
        yield "Paused", f"{name} since {_instant(pause.since)}: {pause.reason}"
    for each in status.missed:
        yield "Missed", f"{each.occurrences:,} of {each.rule} on {each.local_date} ({reasons.summary(each.reason)})"
    if left_out := notice(tuple(status.not_run)):
        yield "Rules", f"{status.rules:,} run. {left_out}"
    else:
        yield "Rules", f"{status.rules:,} run"
    if status.trouble:
        yield "Rules", status.trouble
    for worker in status.workers:
        if worker.trouble and worker.trouble != status.trouble:
            yield "Rules", f"{worker.place}: {worker.trouble}"


def _schedulers(status: Status) -> Iterator[str]:
    for worker in status.workers:
        does = "works" if worker == status.works else "waits"
        if worker.late(status.now):
            does = "is silent"
        then = f", next tick {status.next_tick:%H:%M:%S}" if status.next_tick and does == "works" else ""
        yield f"{worker.place}: {does}, last sign of life {_ago(status.now - worker.beat_at)} ago{then}"
    if not status.workers:
        yield "none"


def _last(last: LastPass | None) -> str:
    if last is None:
        return "none yet"
    begun = f"{last.id} ({last.kind}) as of {last.as_of}"
    if last.finished_at is None:
        return f"{begun}, begun {_instant(last.started_at)}, not finished"
    counts = ", ".join(f"{last.summary.get(name, 0):,} {name}" for name in ("due", "offered", "held", "missed"))
    return f"{begun}, {_instant(last.started_at)}: {counts}"


def _done(zones: Sequence[Zone]) -> Iterator[str]:
    """Zones that stand alike are one line; those that lag most come first."""
    alike: dict[tuple[int, str], list[str]] = defaultdict(list)
    for zone in zones:
        alike[-(zone.lag or 0), f"through {zone.through}" if zone.through else "nothing yet"].append(zone.name)
    for (ahead, text), names in sorted(alike.items()):
        yield f"{text} in {_some(names)}" + (f" ({_days(-ahead)} behind)" if ahead else "")
    if not zones:
        yield "there are no customers"


def _without_zone(status: Status) -> Iterator[str]:
    """Whom nobody may overlook, because they are met by another clock than their own."""
    told = {
        Fallback.MISSING: "without a time zone",
        Fallback.INVALID: "in a time zone that does not exist",
    }
    for reason, what in told.items():
        if count := status.without_zone.get(reason):
            people = "1 customer lives" if count == 1 else f"{count:,} customers live"
            yield f"{people} {what}: the country's counts, or else the catalog's"


def _due(status: Status) -> str:
    def named(moment: str, offset: int) -> str:
        return f"{_days(abs(offset))} {'before' if offset < 0 else 'after'} {moment}" if offset else moment

    return ", ".join(f"{named(each.moment, each.offset)} {each.count:,}" for each in status.due_today) or "nothing"


def _events(status: Status) -> str:
    if not status.events_waiting:
        return "none wait"
    since = f", the oldest since {_instant(status.oldest_event)}" if status.oldest_event else ""
    return f"{status.events_waiting:,} wait{since}"


def _some(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return listed([*names[:SHOWN], f"{more} more zones"]) if more > 1 else listed(names)


def _days(count: int) -> str:
    return f"{count} day{'' if count == 1 else 's'}"


def _instant(instant: dt.datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"


def _ago(time: dt.timedelta) -> str:
    seconds = max(0, round(time.total_seconds()))
    if seconds < 120:
        return f"{seconds} seconds"
    minutes = seconds // 60
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} hours"
