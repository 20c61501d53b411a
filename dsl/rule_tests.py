"""`test` declarations: their words are looked up like any other; running them comes later."""

from __future__ import annotations

from dsl import check_errors as errors
from dsl import syntax
from dsl.check_errors import Finding, Wrong
from dsl.later import check_product
from dsl.names import Scope, Words
from dsl.operands import operand
from dsl.rule_moments import declared_moment


def check_test(words: Words, test: syntax.Test) -> Finding:
    """The first word that means nothing, else that tests come later."""
    try:
        scope = Scope(words, (declared_moment(words.catalog, test.moment),))
        for fact in test.given:
            _check_fact(scope, fact)
    except Wrong as wrong:
        return wrong.finding
    return errors.not_available(test.title.span, "running a test is")


def _check_fact(scope: Scope, fact: syntax.Fact) -> None:
    match fact:
        case syntax.GivenValue(syntax.Name() as name, value):
            operand(scope, scope.subject(name), value)
        case syntax.GivenSet(name) | syntax.GivenFlag(name) | syntax.GivenMissing(name):
            scope.subject(name)
        case syntax.GivenAddon(addon):
            addons = list(scope.catalog.addons)
            if addon.text not in addons:
                raise Wrong(errors.unknown_of_kind(addon.span, addon.written or addon.text, "add-on", addons))
        case syntax.GivenEvents(_, event):
            if event.text not in scope.catalog.moments:
                known = list(scope.catalog.moments)
                raise Wrong(errors.unknown_event(event.span, event.written or event.text, known))
        case syntax.GivenHistory(_, product):
            check_product(scope, product)
