"""The type of an attribute or property, from what its declaration says."""

from __future__ import annotations

from collections.abc import Mapping

from dsl import catalog_errors as errors
from dsl.catalog_shapes import Reading
from dsl.datatypes import DataType, Kind, Unit
from dsl.yaml_reader import Node


def read_type(reading: Reading, fields: Mapping[str, Node], node: Node, name: str) -> DataType | None:
    """The type that `type:`, `values:`, `since:` and `unit:` of one attribute or property make together."""
    if "type" not in fields or (text := reading.choice(fields["type"], "a type", tuple(Kind))) is None:
        return None
    kind = Kind(text)
    for key, kinds in (("values", (Kind.ENUM, Kind.SET)), ("since", (Kind.ELAPSED,)), ("unit", (Kind.ELAPSED,))):
        if key in fields and kind not in kinds:
            reading.refuse(errors.only_for(reading.source, fields[key].span, key, f"the type {' or '.join(kinds)}"))
    if kind in (Kind.ENUM, Kind.SET):
        values = reading.items(fields.get("values"), f"a value of {name}", reading.text)
        if kind is Kind.ENUM and not values:
            reading.refuse(errors.no_values(reading.source, fields["type"].span))
        return DataType(kind, values)
    if kind is Kind.ELAPSED:
        return _elapsed(reading, fields, node, name)
    return DataType(kind)


def _elapsed(reading: Reading, fields: Mapping[str, Node], node: Node, name: str) -> DataType | None:
    for key in ("since", "unit"):
        if key not in fields:
            reading.refuse(errors.missing_key(reading.source, node.span, key, f"the elapsed time {name}"))
            return None
    since = reading.text(fields["since"], "since")
    unit = reading.choice(fields["unit"], "a unit", tuple(Unit))
    return DataType(Kind.ELAPSED, unit=Unit(unit), since=since) if unit and since else None
