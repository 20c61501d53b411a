"""What happened and what was used: `count of support_call in last 30 days`, `usage of storage`, `was offered premium`.

Counts and sums are never missing: without an event they are 0. The last event is missing where there is none.
"""

from __future__ import annotations

from dsl import check_errors as errors
from dsl import syntax
from dsl.catalog import Moment, MomentKind, Owner
from dsl.check_errors import Wrong
from dsl.datatypes import DataType, Kind
from dsl.dates import window
from dsl.leaves import Leaves
from dsl.names import Scope, Subject
from dsl.typed import All, Attribute, Condition, CountOf, DecidedCount, Events, LastOf, QuotaOf, SumOf, UsageOf

NUMBER = DataType(Kind.NUMBER)
COUNT = DataType(Kind.COUNT)
DATE = DataType(Kind.DATE)
_SUMMED = (Kind.NUMBER, Kind.COUNT, Kind.MONEY)

Asked = syntax.CountOf | syntax.SumOf | syntax.LastOf | syntax.UsageOf | syntax.QuotaOf


def asked(leaves: Leaves, value: Asked) -> Subject:
    """The subject of a test about events or meters. Raises Wrong."""
    word = leaves.words(value.span)
    match value:
        case syntax.CountOf(events):
            return Subject(CountOf(typed_events(leaves, events)), COUNT, word)
        case syntax.SumOf(property_, events):
            return _sum(leaves, property_, events, word)
        case syntax.LastOf(events):
            return Subject(LastOf(typed_events(leaves, events)), DATE, word)
        case syntax.UsageOf(meter):
            return Subject(UsageOf(_meter(leaves.scope, meter)), NUMBER, word)
        case syntax.QuotaOf(meter):
            name = _meter(leaves.scope, meter)
            if not _has_quota(leaves.scope, name):
                raise Wrong(errors.no_quota(value.span, name))
            return Subject(QuotaOf(name), NUMBER, word)


# --- events -----------------------------------------------------------------------------------------------------------


def typed_events(leaves: Leaves, node: syntax.Events) -> Events:
    event = find_event(leaves.scope, node.name)
    where = leaves.check_events(node) if node.where is not None else All(())
    return Events(event.name, where, window(node.window) if node.window else None)


def find_event(scope: Scope, name: syntax.Name) -> Moment:
    """A moment that happens. Raises Wrong where a name is none."""
    moments = scope.catalog.moments
    known = [one.name for one in moments.values() if one.kind in (MomentKind.EVENT, MomentKind.CROSSING)]
    if name.text in known:
        return moments[name.text]
    if name.text in moments:
        raise Wrong(errors.not_an_event(name.span, name.text, known))
    raise Wrong(errors.unknown_event(name.span, name.written or name.text, known))


def _sum(leaves: Leaves, name: syntax.Name, node: syntax.Events, word: str) -> Subject:
    event = find_event(leaves.scope, node.name)
    type_ = event.properties.get(name.text)
    summed = [one for one, declared in event.properties.items() if declared.kind in _SUMMED]
    if type_ is None:
        raise Wrong(errors.unknown_property(name.span, name.written or name.text, event.name, summed))
    if type_.kind not in _SUMMED:
        raise Wrong(errors.not_summed(name.span, name.text, errors.kind_of(type_), summed, event.name))
    property_ = Attribute(Owner.EVENT, name.text, type_)
    type_of_sum = NUMBER if type_.kind is Kind.COUNT else type_
    return Subject(SumOf(property_, typed_events(leaves, node)), type_of_sum, word)


def happened(leaves: Leaves, node: syntax.Happened) -> Condition:
    """`any x` is a count of more than 0, `no x` a count of 0."""
    events = typed_events(leaves, node.events)
    if node.negated:
        leaves.asked.add(f"no {events.moment}")
    return leaves.test("equal" if node.negated else "greater", CountOf(events), (0,), node.span)


# --- meters -----------------------------------------------------------------------------------------------------------


def _meter(scope: Scope, name: syntax.Name) -> str:
    meters = list(scope.catalog.meters)
    if name.text not in meters:
        raise Wrong(errors.unknown_of_kind(name.span, name.written or name.text, "meter", meters))
    return name.text


def _has_quota(scope: Scope, meter: str) -> bool:
    return scope.catalog.meters[meter].quota_from is not None


# --- earlier decisions ------------------------------------------------------------------------------------------------


def history(leaves: Leaves, node: syntax.History) -> Condition:
    """`was offered premium in last 90 days`, `accepted any`: how often, and whether that is more than never."""
    product = find_product(leaves.scope, node.product) if node.product else None
    count = DecidedCount(node.verb, product, window(node.window) if node.window else None)
    return leaves.test("greater", count, (0,), node.span)


def find_product(scope: Scope, name: syntax.Name) -> str:
    """A plan, an add-on or a bundle by its name. Raises Wrong."""
    known = list(scope.catalog.products)
    if name.text not in known:
        raise Wrong(errors.unknown_product(name.span, name.written or name.text, known))
    return name.text
