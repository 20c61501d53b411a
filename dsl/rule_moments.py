"""The moments that a rule listens to: names and dates with the days before or after, events with a delay."""

from __future__ import annotations

import datetime as dt

from dsl import check_errors as errors
from dsl import syntax
from dsl.catalog import Catalog, Moment, MomentKind, Owner
from dsl.check_errors import Wrong
from dsl.choices import TimeUnit
from dsl.typed import MomentUse

MOST_DAYS = 366

_DAYS = {TimeUnit.DAYS: 1, TimeUnit.WEEKS: 7}
_DELAYS = {
    TimeUnit.HOURS: dt.timedelta(hours=1),
    TimeUnit.DAYS: dt.timedelta(days=1),
    TimeUnit.WEEKS: dt.timedelta(weeks=1),
}
_HAPPEN = (MomentKind.EVENT, MomentKind.CROSSING)


def check_moments(
    catalog: Catalog, nodes: tuple[syntax.Moment, ...]
) -> tuple[tuple[MomentUse, ...], tuple[Moment, ...]]:
    """The uses, and what the catalog says of each. Raises Wrong with the first error."""
    uses: list[MomentUse] = []
    declared: list[Moment] = []
    for node in nodes:
        moment = declared_moment(catalog, node)
        use = _use(node, moment)
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


def _use(node: syntax.Moment, moment: Moment) -> MomentUse:
    """With the local days before or after a date, or the time that passes after an event."""
    if node.offset is None:
        return MomentUse(moment.name, 0, _date(node))
    duration = node.offset.duration
    if moment.kind in _HAPPEN:
        return MomentUse(moment.name, delay=_delay(node, node.offset, moment))
    if duration.unit not in _DAYS:
        near = {"months": 30, "years": 365}.get(duration.unit)
        raise Wrong(errors.offset_unit(duration.span, f"{duration.count * near} days" if near else "such as 1 day"))
    days = duration.count * _DAYS[duration.unit]
    if days > MOST_DAYS:
        raise Wrong(errors.offset_too_long(duration.span, MOST_DAYS))
    return MomentUse(moment.name, -days if node.offset.before else days, _date(node))


def _delay(node: syntax.Moment, offset: syntax.Offset, moment: Moment) -> dt.timedelta:
    duration = offset.duration
    if offset.before:
        raise Wrong(errors.before_an_event(node.span, moment.name))
    if duration.unit not in _DELAYS:
        near = {"months": 30, "years": 365}[duration.unit]
        raise Wrong(errors.delay_unit(duration.span, f"{duration.count * near} days"))
    delay = duration.count * _DELAYS[duration.unit]
    if delay > dt.timedelta(days=MOST_DAYS):
        raise Wrong(errors.offset_too_long(duration.span, MOST_DAYS))
    return delay
