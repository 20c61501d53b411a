"""What the tests of a condition share: their words, the author's text, and notes on values that may be missing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from dsl import check_errors as errors
from dsl import syntax
from dsl.catalog import Owner
from dsl.check_errors import Finding, Wrong
from dsl.datatypes import Value
from dsl.names import Scope, Subject
from dsl.operators import OPERATORS
from dsl.printer import term_name
from dsl.source import Span
from dsl.terms import attributes
from dsl.typed import Condition, Elapsed, LastOf, Relation, Term, Test

_OWNERS = {Owner.CUSTOMER: "customers", Owner.SUBSCRIPTION: "subscriptions", Owner.EVENT: "events"}
# Tests that say what a value is not. Who reads them thinks of everybody else, the missing values included.
_PITFALLS = ("not_equal", "not_in", "not_between", "not_contains", "not_starts_with", "not_ends_with", "not_like")


class Leaves(ABC):
    """Makes the tests of one declaration. `text` gives the author's words for a span.

    `negated` tells whether what is checked at the moment stands under an odd number of `not`.
    """

    def __init__(self, scope: Scope, text: Callable[[Span], str]) -> None:
        self.scope = scope
        self.text = text
        self.negated = False
        self.asked: set[str] = set()
        self.pitfalls: list[tuple[str, Finding]] = []

    @abstractmethod
    def subject(self, value: syntax.Expression) -> Subject:
        """What a test is about: an attribute, or something computed. Raises Wrong."""

    @abstractmethod
    def check_events(self, events: syntax.Events) -> Condition:
        """The condition on the properties of counted events. Raises Wrong."""

    def test(self, operator: str, term: Term, operands: tuple[Value, ...], span: Span) -> Test:
        self.note_missing(operator, term, span)
        return Test(operator, term, operands, self.words(span), span)

    def relation(self, operator: str, left: Term, right: Term, span: Span) -> Relation:
        return Relation(operator, left, right, self.words(span), span)

    def words(self, span: Span) -> str:
        """The author's text on one line."""
        return " ".join(self.text(span).split())

    def require(self, subject: Subject, operator: str, span: Span, instead: str | None = None) -> None:
        """The operator applies to values of this type."""
        row = OPERATORS[operator]
        if subject.type.kind not in row.kinds:
            kind = errors.kind_of(subject.type)
            raise Wrong(errors.operator_not_for(span, subject.word, kind, row.spelling, instead))

    # --- missing values

    def note_missing(self, operator: str, term: Term, span: Span) -> None:
        """A test that says what a value is not, which a missing value does not pass. Told unless it is asked for."""
        said = OPERATORS[operator].negation if self.negated else operator
        if said not in _PITFALLS:
            return
        for stored in attributes(term):
            word = term_name(term if isinstance(term, Elapsed) else stored)
            self.pitfalls.append((stored.key, errors.missing_never_matches(span, word, _OWNERS[stored.owner])))

    def note_never_happened(self, span: Span, term: LastOf, word: str) -> None:
        """How long ago something happened says nothing of those to whom it never did."""
        never = f"no {term.events.moment}"
        self.pitfalls.append((never, errors.never_happened(span, word, never)))

    def note_asked(self, term: Term) -> None:
        """The author has thought of the value being missing."""
        self.asked.update(stored.key for stored in attributes(term))
        if isinstance(term, LastOf):
            self.asked.add(f"no {term.events.moment}")

    def tell_pitfalls(self) -> None:
        self.scope.notes.extend(finding for key, finding in self.pitfalls if key not in self.asked)
