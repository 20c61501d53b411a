"""What programs send and get about meters, as pydantic models."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from engine.online.incoming import CountsAs
from engine.reading_path import Passed
from web.api_bodies import COUNTS_AS, Body, Decision, Id, Instant, Name, Problem


class Reading(Body):
    """What a meter of a subscription read. A counter counts from 0 in each billing period."""

    subscription: Id = Field(examples=["s-1001"])
    meter: Name = Field(description="A meter of the catalog.", examples=["storage"])
    read_at: Instant = Field(description="RFC 3339, with an offset or Z.", examples=["2026-03-15T09:30:00+01:00"])
    used: float = Field(ge=0, allow_inf_nan=False, description="In the meter's unit.", examples=[412.5])


class Crossing(BaseModel):
    """A level that the reading passed, for the first time in its billing period. It is an event of source `meter`."""

    id: str = Field(description="The event's id.", examples=["s-1001:usage_alert:storage:80:2026-03-01"])
    moment: str = Field(examples=["usage_alert"])
    level: str = Field(examples=["80%"])
    used: float
    quota: float = Field(description="Of the plan and the add-ons, when the meter was read.")
    counts_as: CountsAs = COUNTS_AS
    decisions: list[Decision] | None = Field(description="Null unless `?decide=true` asked for them.")

    @classmethod
    def of(cls, passed: Passed) -> Crossing:
        lines = None if passed.decisions is None else [Decision.of(line) for line in passed.decisions]
        return cls(
            id=passed.event_id,
            moment=passed.moment,
            level=f"{passed.level}%",
            used=passed.used,
            quota=passed.quota,
            counts_as=passed.counts_as,
            decisions=lines,
        )


class ReadingKept(BaseModel):
    """What became of a reading, and what it crosses; told again, it says the same of what it crosses."""

    subscription: str
    meter: str
    state: Literal["new", "corrected", "same", "older"] = Field(
        description="corrected: the same instant with another value, which counts now. older: than the latest reading"
        " of the meter, so it changes nothing."
    )
    crossings: list[Crossing]
    waiting: str | None = Field(default=None, description="Why what it crosses is not decided now; a pass does later.")


class ReadingResult(BaseModel):
    """One of a list: `status` is what the reading alone would have been answered."""

    status: int = Field(examples=[201])
    recorded: ReadingKept | None = None
    problem: Problem | None = None


class ReadingResults(BaseModel):
    """The readings of a list, each with its own result, in their order."""

    results: list[ReadingResult]
