"""Occasions: what several moments found for the same customers, put into one batch and decided together."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np
import pyarrow as pa

from dsl.catalog import Catalog, Owner
from dsl.typed import Attribute, MomentUse, Rule
from engine.decisions.batch_facts import needed
from engine.decisions.identity import decision_ids
from engine.decisions.rule_table import Ints, RuleTable
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


@dataclass(frozen=True)
class Batch:
    """The parts as one table with the columns that deciding reads.

    `row` and `rule` are the matches: rows of `table`, rules of `rules`. `starts` are each part's first row.
    """

    parts: tuple[Part, ...]
    table: pa.Table
    row: Ints
    rule: Ints
    rules: RuleTable
    starts: tuple[int, ...]

    def part_of(self, row: Ints) -> Ints:
        """The number of the part that each row of the table came from."""
        return np.searchsorted(self.starts, row, side="right") - 1

    @cached_property
    def days(self) -> Ints:
        """The local day of each row, as an ordinal."""
        ordinals = [part.day.toordinal() for part in self.parts]
        return np.array(ordinals, np.int64)[self.part_of(np.arange(self.table.num_rows))]

    @cached_property
    def ids(self) -> list[str]:
        """The decision id of each match."""
        return decision_ids([rule.name for rule in self.rules.rules], self.table, self.row, self.rule)

    def states(self, rows: Sequence[int], catalog: Catalog) -> list[Row]:
        """For each row (of `table`) the values that its rules read, of the past too, and its event's properties."""
        found: list[Row] = [{}] * len(rows)
        by_part: dict[int, list[int]] = defaultdict(list)
        for index, number in enumerate(self.part_of(np.array(rows, np.int64)).tolist()):
            by_part[number].append(index)
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


def merge(parts: Sequence[Part], rules: RuleTable) -> Batch:
    """Match every part (none of them empty; all their rules are in the table) and put the results side by side."""
    names = (*KEYS, "zone", *(each.key for each in needed(rules.catalog)))
    starts = tuple(accumulate((part.table.num_rows for part in parts[:-1]), initial=0))
    found = [part.plan.match_batch(part.table, part.day) for part in parts]
    return Batch(
        tuple(parts),
        pa.concat_tables(plain(part.table.select(names)) for part in parts),
        np.concatenate([matches["row"].to_numpy() + start for matches, start in zip(found, starts, strict=True)]),
        np.concatenate(
            [rules.numbers(part.rules)[matches["rule"].to_numpy()] for matches, part in zip(found, parts, strict=True)]
        ),
        rules,
        starts,
    )


def plain(table: pa.Table) -> pa.Table:
    """The same table with dictionaries unfolded, so that tables of different batches can be put together."""
    fields = [
        pa.field(each.name, each.type.value_type if pa.types.is_dictionary(each.type) else each.type)
        for each in table.schema
    ]
    return table.cast(pa.schema(fields))
