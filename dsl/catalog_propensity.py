"""How likely offers are accepted, as the catalog says: `propensity: {by: country, explore: true, prior: 5%}`."""

from __future__ import annotations

from collections.abc import Mapping

from dsl import catalog_errors as errors
from dsl.catalog_shapes import Reading
from dsl.datatypes import Kind
from dsl.propensity import PropensityPolicy
from dsl.yaml_reader import Node


def read_propensity(reading: Reading, node: Node | None, kinds: Mapping[str, Kind]) -> PropensityPolicy | None:
    """`kinds` are those of the attributes by key (`customer.country`)."""
    if node is None:
        return None
    fields = reading.table(node, "propensity", ("by", "from", "explore", "prior"))
    prior = reading.percent(fields["prior"], "prior") if "prior" in fields else None
    if "prior" in fields and prior is not None and not 0 < prior < 100:
        reading.refuse(errors.wrong_prior(reading.source, fields["prior"].span))
        prior = None
    return PropensityPolicy(
        _attribute(reading, fields.get("by"), "enum, plan or flag", kinds, (Kind.ENUM, Kind.PLAN, Kind.FLAG)),
        _attribute(reading, fields.get("from"), "number", kinds, (Kind.NUMBER,)),
        bool(reading.flag(fields["explore"], "explore")) if "explore" in fields else False,
        prior if prior is not None else PropensityPolicy().prior,
    )


def _attribute(
    reading: Reading, node: Node | None, what: str, kinds: Mapping[str, Kind], fit: tuple[Kind, ...]
) -> str | None:
    """The key of an attribute of one of some kinds; of the subscription's and the customer's the former."""
    if node is None:
        return None
    names = {key.partition(".")[2]: key for key in sorted(kinds) if kinds[key] in fit}
    name = reading.known(node, what, tuple(names))
    return None if name is None else names[name]
