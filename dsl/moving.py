"""A declaration somewhere else in its file: the same nodes with other spans.

An edit moves every declaration behind it. Parsing and checking these again would cost as much as the first time;
moving costs a copy. Segments that a rule uses are elsewhere, and stay.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

from dsl.datatypes import DataType, Money
from dsl.source import Source, Span
from dsl.typed import Attribute, MomentUse, Offer, Say, SegmentUse, Tag, Window

T = TypeVar("T")


def moved(node: T, by: int, source: Source) -> T:
    """The node, and all below it, `by` characters further on in `source`."""
    found: T = _moved(node, by, source)
    return found


def _moved(node: Any, by: int, source: Source) -> Any:
    kind = type(node)
    if kind is Span:
        return Span(node.start + by, node.end + by)
    if kind is tuple:
        return tuple([_moved(item, by, source) for item in node])
    if kind is Source:
        return source
    if kind is dict:
        return {key: _moved(value, by, source) for key, value in node.items()}
    names = _names(kind)
    if names is None:
        return node
    copy = object.__new__(kind)
    for name in names:
        value = getattr(node, name)
        object.__setattr__(copy, name, value if type(value) in _PLAIN else _moved(value, by, source))
    if kind is SegmentUse:
        object.__setattr__(copy, "condition", node.condition)
    return copy


_PLAIN = frozenset([str, int, float, bool, type(None)])
_PLACELESS = frozenset([Attribute, DataType, Money, MomentUse, Offer, Say, Tag, Window])


_known: dict[type, tuple[str, ...] | None] = {}


def _names(kind: type) -> tuple[str, ...] | None:
    """The fields of a dataclass; None for what has no place in a text."""
    if kind not in _known:
        has_place = is_dataclass(kind) and kind not in _PLACELESS
        _known[kind] = tuple(one.name for one in fields(kind)) if has_place else None
    return _known[kind]
