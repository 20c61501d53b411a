"""Occasions: what several moments found for the same customers, put into one batch and decided together."""

from __future__ import annotations

import bisect
import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import pyarrow as pa
import pyarrow.compute as pc

from dsl.catalog import Catalog, Owner
from dsl.typed import Attribute, MomentUse, Rule
from engine.decisions.decide import needed
from engine.matching.plan import Plan
from engine.matching.rows import full_rows
from engine.privacy import Row

KEYS = ("customer", "subscription", "subject", "moment", "offset", "occurrence", "due_at")


def occurrences(table: pa.Table) -> int:
    """How many occurrences the rows are of: a customer's moment has a row for each subscription."""
    keys = table.select(["subject", "occurrence"])
    return int(keys.group_by(keys.column_names).aggregate([]).num_rows)


@dataclass(frozen=True, slots=True)
class Part:
    """One moment's share of a batch: its occurrences on a local day and the rules that listen to it.

    The rules that are tried are `plan.numbers` of `rules`.
    """

    use: MomentUse
    day: dt.date
    table: pa.Table
    plan: Plan
    rules: tuple[Rule, ...]  # in the plan's order

    def occurrences(self) -> int:
        return occurrences(self.table)


@dataclass(frozen=True, slots=True)
class Batch:
    """The parts as one table with the columns that deciding reads.

    `matches` are (row, rule) of `table` and `rules`. `starts` and `rule_starts` are each part's first row and rule.
    """

    parts: tuple[Part, ...]
    table: pa.Table
    matches: pa.Table
    rules: tuple[Rule, ...]
    starts: tuple[int, ...]
    rule_starts: tuple[int, ...]

    def part_of(self, row: int) -> int:
        """The number of the part that a row of the table came from."""
        return bisect.bisect_right(self.starts, row) - 1

    def states(self, rows: Sequence[int], catalog: Catalog) -> list[Row]:
        """For each row (of `table`) the values that its rules read, of the past too, and its event's properties."""
        found: list[Row] = [{}] * len(rows)
        by_part: dict[int, list[int]] = defaultdict(list)
        for index, row in enumerate(rows):
            by_part[self.part_of(row)].append(index)
        for number, indexes in by_part.items():
            part = self.parts[number]
            reads = dict.fromkeys((*part.plan.attributes, *event_properties(catalog, part.use.moment)))
            chosen = part.table.take([rows[index] - self.starts[number] for index in indexes])
            for index, row_state in zip(indexes, full_rows(chosen, list(reads), part.plan.terms), strict=True):
                found[index] = row_state
        return found


def event_properties(catalog: Catalog, moment: str) -> tuple[Attribute, ...]:
    """The properties that a moment's events carry; none for a scheduled one."""
    declared = catalog.moments.get(moment)
    properties = declared.properties if declared else {}
    return tuple(Attribute(Owner.EVENT, name, each) for name, each in properties.items())


def merge(parts: Sequence[Part], catalog: Catalog) -> Batch:
    """Match every part (none of them empty) and put the results side by side."""
    names = (*KEYS, *(each.key for each in needed(catalog)))
    starts = tuple(accumulate((part.table.num_rows for part in parts[:-1]), initial=0))
    rule_starts = tuple(accumulate((len(part.rules) for part in parts[:-1]), initial=0))
    return Batch(
        tuple(parts),
        pa.concat_tables(plain(part.table.select(names)) for part in parts),
        pa.concat_tables(
            _shifted(part.plan.match_batch(part.table, part.day), start, rule_start)
            for part, start, rule_start in zip(parts, starts, rule_starts, strict=True)
        ),
        tuple(rule for part in parts for rule in part.rules),
        starts,
        rule_starts,
    )


def _shifted(matches: pa.Table, rows: int, rules: int) -> pa.Table:
    """The matches of one part, counted in the whole batch."""
    shift = {"row": rows, "rule": rules}
    return pa.table({name: pc.add(matches[name].cast(pa.int64()), by) for name, by in shift.items()})


def plain(table: pa.Table) -> pa.Table:
    """The same table with dictionaries unfolded, so that tables of different batches can be put together."""
    fields = [
        pa.field(each.name, each.type.value_type if pa.types.is_dictionary(each.type) else each.type)
        for each in table.schema
    ]
    return table.cast(pa.schema(fields))
