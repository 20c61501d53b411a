"""The words inside `where (...)` after a counted event: its own properties and nothing else."""

from __future__ import annotations

from dsl import check_errors as errors
from dsl import syntax
from dsl.catalog import Moment, Owner
from dsl.check_errors import Finding, Wrong
from dsl.names import Scope, Subject
from dsl.typed import Attribute


class EventScope(Scope):
    """The properties of one event, bare or after `event.` or the event's name. Notes go where the outer scope's go."""

    def __init__(self, outer: Scope, event: Moment) -> None:
        super().__init__(outer.words, (event,), is_rule=outer.is_rule)
        self.outer = outer
        self.notes = outer.notes
        self.counted = event.name
        self.properties = event.properties

    def subject(self, name: syntax.Name) -> Subject:
        of_event = name.prefix in (None, Owner.EVENT, self.counted)
        if of_event and name.text in self.properties:
            type_ = self.properties[name.text]
            return Subject(Attribute(Owner.EVENT, name.text, type_), type_, name.text)
        raise Wrong(self._outside(name, of_event=of_event))

    def attribute_names(self) -> list[str]:
        return list(self.properties)

    def _outside(self, name: syntax.Name, *, of_event: bool) -> Finding:
        if name.text in self.words.segments or (not of_event or self.outer.find(name) is not None):
            return errors.only_properties(name.span, name.written or name.text, str(self.counted))
        return errors.unknown_property(name.span, name.written or name.text, str(self.counted), [*self.properties])
