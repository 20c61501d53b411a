"""What happened, as files tell it: converted rows as events or readings, and what was refused as faults of rows."""

from __future__ import annotations

from collections.abc import Iterable

from engine.store.events import Refusal, StagedEvent
from engine.store.ingest.blocks import Fault
from engine.store.ingest.convert import Converted
from engine.store.ingest.targets import Plan
from engine.store.meters import Reading

EVENT_SOURCE = "import"
"""The source of an event whose file names none."""


def events_of(converted: Converted) -> list[StagedEvent]:
    """An event a row."""
    given, nothing = converted.given, [None] * len(converted)
    columns = zip(
        given["id"],
        given["moment"],
        given["customer"],
        given["occurred_at"],
        converted.documents,
        given.get("subscription", nothing),
        [source or EVENT_SOURCE for source in given.get("source", nothing)],
        strict=True,
    )
    return [StagedEvent(*parts) for parts in columns]


def readings_of(converted: Converted) -> list[Reading]:
    """A reading a row."""
    given = converted.given
    columns = zip(given["subscription"], given["meter"], given["read_at"], given["used"], strict=True)
    return [Reading(*parts) for parts in columns]


def faults_of(plan: Plan, converted: Converted, refusals: Iterable[Refusal]) -> list[Fault]:
    """The refusals at the rows and columns of the file that they come from."""
    faults = []
    for one in refusals:
        recipe = plan.recipes.get(one.column)
        name = ", ".join(recipe[1].columns) if recipe else ""
        faults.append(Fault(converted.rows[one.index], name or one.column, one.value, one.reason))
    return faults
