"""Names: what a word on the left of a test means.

A word may be a property of the rule's moment, an attribute of the subscription or of the customer. Two that fit are an
error that asks for a prefix; `customer.x`, `subscription.x` and `event.x` say which. With several moments a property
must be one of all of them; `event.x` asks for it where it exists (it is missing at the others), and a moment's own
name (`website_visit.page`) asks for that moment's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from dsl import check_errors as errors
from dsl import syntax
from dsl.catalog import BUILT_IN, Catalog, Moment, Owner, sold_in
from dsl.check_errors import Finding, Wrong
from dsl.datatypes import DataType, Kind, Unit
from dsl.messages import Message
from dsl.terms import attributes
from dsl.typed import Attribute, Condition, Elapsed, Term

ADDONS = Attribute(Owner.SUBSCRIPTION, "addons", DataType(Kind.SET))
TAGS = Attribute(Owner.CUSTOMER, "tags", DataType(Kind.SET))


@dataclass(frozen=True, slots=True)
class KnownSegment:
    """A segment as others see it: its condition, or None where it has an error of its own. `at` is its place.

    `depth` is how many levels deep the condition is, those of the segments in it included.
    """

    name: str
    condition: Condition | None
    depth: int
    at: str


@dataclass(frozen=True, eq=False)
class Words:
    """Every word that the declarations of a folder may use. `broken_messages` gives the places of their errors."""

    catalog: Catalog
    segments: Mapping[str, KnownSegment] = field(default_factory=dict)
    messages: Mapping[str, Message] = field(default_factory=dict)
    broken_messages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a test is about: a term, the type of its values and the word to call it by.

    `currency` is that of computed money whose author named one.
    """

    term: Term
    type: DataType
    word: str
    currency: str | None = None


class Scope:
    """What the words mean within one declaration, and what was noted on the way (warnings)."""

    def __init__(self, words: Words, moments: tuple[Moment, ...] = (), *, is_rule: bool = True) -> None:
        self.words = words
        self.catalog = words.catalog
        self.moments = moments
        self.is_rule = is_rule
        self.notes: list[Finding] = []
        self.counted: str | None = None
        """The event whose properties are asked, inside `where (...)` after a counted event."""

    # --- looking up

    def subject(self, name: syntax.Name) -> Subject:
        """What a name means. Raises Wrong with the reason where it means nothing, or several things."""
        if name.prefix is not None:
            return self._prefixed(name, name.prefix)
        found = [*self._properties(name.text), *self._stored(name.text)]
        if len(found) > 1:
            raise Wrong(errors.ambiguous(name.span, name.text, [full_word(one) for one in found]))
        if not found:
            raise Wrong(self._unknown(name))
        if isinstance(found[0].term, Attribute) and found[0].term.owner is Owner.EVENT:
            self._in_every_moment(name)
        return found[0]

    def find(self, name: syntax.Name) -> Subject | None:
        """The same, or None where the name means no attribute."""
        try:
            return self.subject(name)
        except Wrong:
            return None

    def priced_in(self) -> list[str]:
        """The currencies that plans are sold in."""
        return sorted(sold_in(self.catalog, self.catalog.plans))

    def attribute_names(self) -> list[str]:
        """Every name that may stand on the left, properties first."""
        owned = [*self.catalog.subscription, *self.catalog.customer]
        properties = [name for moment in self.moments for name in moment.properties]
        return list(dict.fromkeys([*properties, *owned, *(name for names in BUILT_IN.values() for name in names)]))

    # --- by owner

    def _stored(self, word: str) -> Iterator[Subject]:
        for owner in (Owner.SUBSCRIPTION, Owner.CUSTOMER):
            if (found := self._owned(owner, word)) is not None:
                yield found

    def _owned(self, owner: Owner, word: str) -> Subject | None:
        if (built_in := BUILT_IN[owner].get(word)) is not None:
            return Subject(Attribute(owner, word, built_in), built_in, word)
        declared = self.catalog.attributes(owner).get(word)
        if declared is None:
            return None
        if declared.type.kind is Kind.ELAPSED:
            return Subject(elapsed(owner, declared.type, word), declared.type, word)
        return Subject(Attribute(owner, word, declared.type), declared.type, word)

    def _properties(self, word: str) -> Iterator[Subject]:
        types = [moment.properties[word] for moment in self.moments if word in moment.properties]
        if types:
            yield Subject(Attribute(Owner.EVENT, word, types[0]), types[0], word)

    def _in_every_moment(self, name: syntax.Name) -> None:
        without = [moment.name for moment in self.moments if name.text not in moment.properties]
        if without:
            raise Wrong(errors.not_in_every_moment(name.span, name.text, without))
        self._same_type(name)

    def _same_type(self, name: syntax.Name) -> None:
        types = {moment.properties[name.text] for moment in self.moments if name.text in moment.properties}
        if len(types) > 1:
            raise Wrong(errors.property_types_differ(name.span, name.text, sorted(one.kind for one in types)))

    # --- by prefix

    def _prefixed(self, name: syntax.Name, prefix: str) -> Subject:
        if prefix in (Owner.CUSTOMER, Owner.SUBSCRIPTION):
            owner = Owner(prefix)
            if (found := self._owned(owner, name.text)) is not None:
                return found
            other = Owner.CUSTOMER if owner is Owner.SUBSCRIPTION else Owner.SUBSCRIPTION
            if self._owned(other, name.text) is not None:
                raise Wrong(errors.other_owners_attribute(name.span, name.text, owner, other))
            known = [*self.catalog.attributes(owner), *BUILT_IN[owner]]
            raise Wrong(errors.no_such_attribute_of(name.span, name.text, owner, known))
        if prefix == Owner.EVENT:
            return self._asked_of_event(name)
        moment = next((one for one in self.moments if one.name == prefix), None)
        if moment is None:
            known = [Owner.CUSTOMER, Owner.SUBSCRIPTION, Owner.EVENT, *(one.name for one in self.moments)]
            raise Wrong(errors.unknown_prefix(name.span, prefix, known))
        return self._asked_of(name, moment)

    def _asked_of_event(self, name: syntax.Name) -> Subject:
        known = list(dict.fromkeys(word for moment in self.moments for word in moment.properties))
        if not known:
            raise Wrong(errors.no_event_here(name.span))
        found = next(self._properties(name.text), None)
        if found is None:
            raise Wrong(errors.no_moment_has(name.span, name.text, known))
        self._same_type(name)
        return found

    def _asked_of(self, name: syntax.Name, moment: Moment) -> Subject:
        if name.text not in moment.properties:
            known = [f"{moment.name}.{word}" for word in moment.properties]
            raise Wrong(errors.unknown_property(name.span, name.text, moment.name, known))
        type_ = moment.properties[name.text]
        several = any(name.text in other.properties for other in self.moments if other is not moment)
        word = f"{moment.name}.{name.text}" if several else name.text
        return Subject(Attribute(Owner.EVENT, word, type_), type_, word)

    # --- explaining

    def _unknown(self, name: syntax.Name) -> Finding:
        word, span, catalog = name.text, name.span, self.catalog
        if word in self.words.segments:
            return errors.segment_as_value(span, word)
        others = [moment.name for moment in catalog.moments.values() if word in moment.properties]
        if others:
            return errors.other_moments_property(span, word, others, self.is_rule)
        if word in catalog.plans:
            return errors.not_an_attribute(span, word, "a plan", f"plan = {word}")
        if word in catalog.addons:
            return errors.not_an_attribute(span, word, "an add-on", f"has {word}")
        if word in catalog.meters:
            return errors.not_an_attribute(span, word, "a meter", f"usage of {word}")
        if word in catalog.moments:
            return errors.not_an_attribute(span, word, "a moment", f"any {word} in last 30 days")
        return errors.unknown_attribute(span, name.written or word, self.attribute_names())


def full_word(subject: Subject) -> str:
    """An attribute with its prefix."""
    stored = attributes(subject.term)
    return f"{stored[0].owner}.{subject.word}" if stored else subject.word


def elapsed(owner: Owner, type_: DataType, word: str) -> Elapsed:
    """The term of an elapsed attribute in the unit that a bare number takes: whole days or whole months."""
    start = Attribute(owner, type_.since or "", DataType(Kind.DATE))
    return Elapsed(start, Unit.MONTHS if type_.unit in (Unit.MONTHS, Unit.YEARS) else Unit.DAYS, word)
