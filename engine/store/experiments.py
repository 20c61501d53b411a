"""Who is in which arm of an experiment, and who was exposed to it: kept and read, many at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from engine.store.bulk import among, insert_rows, instant_text, run_many
from engine.store.tables import assignments, decisions, exposures

SPLIT = "split:"
"""How the salt of a rule's `split` begins."""

Assignments = Mapping[tuple[str, str], str]
"""(experiment, customer) -> arm"""


_EXPOSURES = ("experiment", "decision_id", "customer_id", "arm", "ghost", "exposed_at")


class Exposure(NamedTuple):
    """Of one decision. `ghost`: held out where the rule would have won."""

    experiment: str
    decision_id: str
    customer_id: str
    arm: str
    ghost: bool = False


def assigned(
    connection: sa.Connection, experiments: Sequence[str], customers: Sequence[str]
) -> dict[tuple[str, str], str]:
    """The arms that these customers are in, of these experiments; who is in none is absent."""
    columns = assignments.c.experiment, assignments.c.customer_id, assignments.c.arm
    theirs = assignments.c.experiment.in_(experiments), among(connection, assignments.c.customer_id, customers)
    return {(row[0], row[1]): row[2] for row in connection.execute(sa.select(*columns).where(*theirs))}


def assign(connection: sa.Connection, wanted: Assignments, now: dt.datetime) -> dict[tuple[str, str], str]:
    """Puts customers into arms, and says where each is: the first assignment stays, whoever made it.

    In the order of their keys, so that two workers never wait for each other in a circle.
    """
    rows = [(*key, arm, instant_text(now)) for key, arm in sorted(wanted.items())]
    names = "experiment, customer_id, arm, assigned_at"
    run_many(connection, f"INSERT INTO assignments ({names}) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", rows)
    found = assigned(connection, sorted({each for each, _ in wanted}), sorted({each for _, each in wanted}))
    return {key: found[key] for key in wanted}


def expose(connection: sa.Connection, exposed: Sequence[Exposure], now: dt.datetime) -> None:
    """Keeps exposures with their decisions, which are there already."""
    at = instant_text(now)
    rows = [(one.experiment, one.decision_id, one.customer_id, one.arm, one.ghost, at) for one in exposed]
    insert_rows(connection, exposures, _EXPOSURES, rows)


def split_arms(exposed: Iterable[Exposure]) -> dict[str, str]:
    """By decision, the arm of its rule's `split`."""
    return {one.decision_id: one.arm for one in exposed if one.experiment.startswith(SPLIT)}


def arm_of_split() -> sa.ScalarSelect[str]:
    """The arm of a rule's `split` that a decision of the query around it exposed its customer to; NULL for none."""
    theirs = exposures.c.customer_id == decisions.c.customer_id, exposures.c.decision_id == decisions.c.id
    arm = sa.select(exposures.c.arm).where(*theirs, exposures.c.experiment.like(f"{SPLIT}%"))
    return arm.correlate(decisions).scalar_subquery()


def exposed_by_arm(connection: sa.Connection, experiment: str) -> dict[str, int]:
    """How many customers were exposed to each arm, ghosts among them: what a sample-ratio check compares."""
    counted = sa.func.count(exposures.c.customer_id.distinct())
    query = sa.select(exposures.c.arm, counted).where(exposures.c.experiment == experiment).group_by(exposures.c.arm)
    return {arm: int(number) for arm, number in connection.execute(query)}
