"""What the language has and this version has not: each construct is named in one diagnostic, never passed over.

The names inside are looked up first, for a misspelt word is the author's to mend today.
"""

from __future__ import annotations

from dsl import check_errors as errors
from dsl import syntax
from dsl.catalog import MomentKind
from dsl.check_errors import Wrong
from dsl.names import Scope


def refuse_later(scope: Scope, expression: syntax.Expression) -> None:
    """Raises Wrong if the value is computed: from events, meters or by arithmetic."""
    match expression:
        case syntax.CountOf(events):
            check_events(scope, events)
            raise Wrong(errors.not_available(expression.span, "counting events is"))
        case syntax.SumOf(property_, events):
            check_events(scope, events)
            event = scope.catalog.moments[events.name.text]
            if property_.text not in event.properties:
                raise Wrong(errors.unknown_property(property_.span, property_.text, event.name, [*event.properties]))
            raise Wrong(errors.not_available(expression.span, "adding up events is"))
        case syntax.LastOf(events):
            check_events(scope, events)
            raise Wrong(errors.not_available(expression.span, "asking for the last event is"))
        case syntax.UsageOf(meter) | syntax.QuotaOf(meter):
            if meter.text not in scope.catalog.meters:
                raise Wrong(errors.unknown_of_kind(meter.span, meter.text, "meter", list(scope.catalog.meters)))
            raise Wrong(errors.not_available(expression.span, "asking a meter is"))
        case syntax.Arithmetic(left, _, right):
            _check_names(scope, left)
            _check_names(scope, right)
            raise Wrong(errors.not_available(expression.span, "arithmetic in a condition is"))
        case syntax.ShareOf(_, of):
            _check_names(scope, of)
            raise Wrong(errors.not_available(expression.span, "a percentage of something is"))
        case syntax.Negative(value):
            _check_names(scope, value)
            raise Wrong(errors.not_available(expression.span, "arithmetic in a condition is"))


def _check_names(scope: Scope, expression: syntax.Expression) -> None:
    """Within arithmetic a word is an attribute; what is computed further in is refused in its own name."""
    if isinstance(expression, syntax.Name):
        scope.subject(expression)
    else:
        refuse_later(scope, expression)


def check_events(scope: Scope, events: syntax.Events) -> None:
    """The event exists and is one. Its `where` is about its own properties."""
    word, moments = events.name.text, scope.catalog.moments
    known = [one.name for one in moments.values() if one.kind in (MomentKind.EVENT, MomentKind.CROSSING)]
    if word in moments and word not in known:
        raise Wrong(errors.not_an_event(events.name.span, word, known))
    if word not in moments:
        raise Wrong(errors.unknown_event(events.name.span, events.name.written or word, known))


def history_later(scope: Scope, history: syntax.History) -> Wrong:
    if history.product is not None:
        check_product(scope, history.product)
    return Wrong(errors.not_available(history.span, "asking what was offered before is"))


def happened_later(scope: Scope, happened: syntax.Happened) -> Wrong:
    check_events(scope, happened.events)
    return Wrong(errors.not_available(happened.span, "asking whether an event happened is"))


def check_product(scope: Scope, name: syntax.Name) -> str:
    """A plan or an add-on by its name."""
    known = [*scope.catalog.plans, *scope.catalog.addons]
    if name.text not in known:
        raise Wrong(errors.unknown_product(name.span, name.written or name.text, known))
    return name.text
