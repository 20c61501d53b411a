"""The moments that a rule listens to: names and dates with their offsets."""

from __future__ import annotations

import datetime as dt

from dsl import check_errors as errors
from dsl import syntax
from dsl.catalog import Catalog, Moment, MomentKind, Owner
from dsl.check_errors import Wrong
from dsl.typed import MomentUse

MOST_DAYS = 366

_DAYS = {syntax.TimeUnit.DAYS: 1, syntax.TimeUnit.WEEKS: 7}
_HAPPEN = (MomentKind.EVENT, MomentKind.CROSSING)


def check_moments(
    catalog: Catalog, nodes: tuple[syntax.Moment, ...]
) -> tuple[tuple[MomentUse, ...], tuple[Moment, ...]]:
    """The uses, and what the catalog says of each. Raises Wrong with the first error."""
    uses: list[MomentUse] = []
    declared: list[Moment] = []
    for node in nodes:
        moment = declared_moment(catalog, node)
        use = MomentUse(moment.name, _offset(node, moment), _date(node))
        if use in uses:
            raise Wrong(errors.moment_twice(node.span, moment.name))
        uses.append(use)
        declared.append(moment)
    return tuple(uses), tuple(declared)


def declared_moment(catalog: Catalog, node: syntax.Moment) -> Moment:
    """A calendar date is a moment of the customer, by the name of its date."""
    if isinstance(node.target, syntax.Date):
        return Moment(node.target.value.isoformat(), MomentKind.DATED, Owner.CUSTOMER)
    found = catalog.moments.get(node.target.text)
    if found is None:
        name = node.target
        raise Wrong(errors.unknown_moment(name.span, name.written or name.text, list(catalog.moments)))
    return found


def _date(node: syntax.Moment) -> dt.date | None:
    return node.target.value if isinstance(node.target, syntax.Date) else None


def _offset(node: syntax.Moment, moment: Moment) -> int:
    """In local days; negative is before."""
    if node.offset is None:
        return 0
    duration = node.offset.duration
    if moment.kind in _HAPPEN:
        if node.offset.before:
            raise Wrong(errors.before_an_event(node.span, moment.name))
        raise Wrong(errors.not_available(node.offset.span, "a delay after an event is"))
    if duration.unit not in _DAYS:
        near = {"months": 30, "years": 365}.get(duration.unit)
        raise Wrong(errors.offset_unit(duration.span, f"{duration.count * near} days" if near else "such as 1 day"))
    days = duration.count * _DAYS[duration.unit]
    if days > MOST_DAYS:
        raise Wrong(errors.offset_too_long(duration.span, MOST_DAYS))
    return -days if node.offset.before else days
