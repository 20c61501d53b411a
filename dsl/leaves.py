"""What the tests of a condition share: their words, the author's text, and notes on values that may be missing."""

from __future__ import annotations

from collections.abc import Callable

from dsl import check_errors as errors
from dsl import syntax
from dsl.catalog import Owner
from dsl.check_errors import Finding, Wrong
from dsl.datatypes import Value
from dsl.later import refuse_later
from dsl.names import Scope, Subject
from dsl.operators import OPERATORS
from dsl.source import Span
from dsl.terms import attributes
from dsl.typed import Term, Test

_OWNERS = {Owner.CUSTOMER: "customers", Owner.SUBSCRIPTION: "subscriptions", Owner.EVENT: "events"}


class Leaves:
    """Makes the tests of one declaration. `text` gives the author's words for a span."""

    def __init__(self, scope: Scope, text: Callable[[Span], str]) -> None:
        self.scope = scope
        self.text = text
        self.asked: set[str] = set()
        self.pitfalls: list[tuple[str, Finding]] = []

    def test(self, operator: str, term: Term, operands: tuple[Value, ...], span: Span) -> Test:
        return Test(operator, term, operands, " ".join(self.text(span).split()), span)

    def subject(self, value: syntax.Expression) -> Subject:
        """The attribute that a test is about."""
        refuse_later(self.scope, value)
        if isinstance(value, syntax.Name):
            return self.scope.subject(value)
        raise Wrong(errors.value_as_condition(value.span))

    def require(self, subject: Subject, operator: str, span: Span, instead: str | None = None) -> None:
        """The operator applies to values of this type."""
        row = OPERATORS[operator]
        if subject.type.kind not in row.kinds:
            kind = errors.kind_of(subject.type)
            raise Wrong(errors.operator_not_for(span, subject.word, kind, row.spelling, instead))

    def note_missing(self, span: Span, term: Term, subject: Subject) -> None:
        """A negated test, which a missing value does not pass. Told unless the condition asks for presence itself."""
        for stored in attributes(term):
            whose = _OWNERS[stored.owner]
            self.pitfalls.append((stored.key, errors.missing_never_matches(span, subject.word, whose)))

    def note_asked(self, term: Term) -> None:
        """The author has thought of the value being missing."""
        self.asked.update(stored.key for stored in attributes(term))

    def tell_pitfalls(self) -> None:
        self.scope.notes.extend(finding for key, finding in self.pitfalls if key not in self.asked)
