"""What a customer nearly meets, as pydantic models that programs get."""

from __future__ import annotations

import datetime as dt

from pydantic import BaseModel, ConfigDict, Field


class _Told(BaseModel):
    """Read from the engine's own dataclasses, field by field."""

    model_config = ConfigDict(from_attributes=True)


class Wanted(_Told):
    """One thing that would make the rule match, all else as it is."""

    would: str = Field(description="What would have to be true.", examples=["tenure is more than 12 months"])
    reads: str = Field(description="What is read now; personal values are masked.", examples=["10 months"])
    starts: dt.date | None = Field(
        description="The first day, of a year, on which time alone makes it true.", examples=["2026-05-15"]
    )


class NearMiss(_Told):
    """A rule that one thing alone keeps from matching; any of `wanted` would do."""

    rule: str = Field(examples=["premium_after_a_year"])
    moment: str = Field(description="In words.", examples=["billing anniversary"])
    subscription: str | None = Field(description="Null for a customer without any.", examples=["s-1001"])
    wanted: list[Wanted]


class NearMisses(_Told):
    """What a customer would meet if their moments came on the day, and what nearly; nothing was written."""

    customer: str = Field(examples=["c-1001"])
    day: dt.date
    asked: int = Field(description="How many rules were tried.")
    matching: list[str] = Field(description="The rules that would match, by name.")
    misses: list[NearMiss] = Field(description="The nearest first.")
