"""What a word stands for in a declaration that may be broken: a moment, an attribute, a value beside which attribute.

One walk over the words, first to last. `Walk.role` says what a name would be at the place reached, which is what
completion asks; hover and navigation ask it of every name that is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from dsl.language_service.reading import Word


class Role(StrEnum):
    MOMENT = "moment"
    EVENT = "event"  # a moment whose occurrences are counted
    ATTRIBUTE = "attribute"  # or a segment, or a property of the rule's moments
    PROPERTY = "property"  # of the event in `sum of PROPERTY of EVENT`
    VALUE = "value"
    METER = "meter"
    PRODUCT = "product"
    ADDON = "addon"
    TAG = "tag"
    MESSAGE = "message"
    TASK = "task"
    CHANNEL = "channel"
    PURPOSE = "purpose"
    RULE = "rule"
    RULE_NAME = "rule name"  # where it is declared
    OLD_NAME = "old name"
    SEGMENT_NAME = "segment name"
    ARM = "arm"


NAMES = frozenset(["NAME", "PATH", "WORD"])
COMPARATORS = frozenset(
    ["EQUALS", "COMPARE", "IS", "_IN", "_BETWEEN", "TEXT_TEST", "_INCLUDES", "BEFORE", "AFTER", "ON"]
)

_BEHIND = {
    "COUNT_OF": Role.EVENT,
    "LAST": Role.EVENT,
    "ANY": Role.EVENT,
    "SUM_OF": Role.PROPERTY,
    "USAGE_OF": Role.METER,
    "QUOTA_OF": Role.METER,
    "HAS": Role.ADDON,
    "_TAGGED": Role.TAG,
    "OFFERED": Role.PRODUCT,
    "ACCEPTED": Role.PRODUCT,
    "OFFER": Role.PRODUCT,
    "_BEST_OF": Role.PRODUCT,
    "WITH": Role.ADDON,
    "SAY": Role.MESSAGE,
    "TAG": Role.TAG,
    "UNTAG": Role.TAG,
    "CALL": Role.TASK,
    "VIA": Role.CHANNEL,
    "AS": Role.PURPOSE,
    "GOAL": Role.MOMENT,
    "SEGMENT": Role.SEGMENT_NAME,
    "WAS": Role.OLD_NAME,
    "ARM": Role.ARM,
}
_SECTIONS = {
    "_WHERE": "condition",
    "_COLON": "condition",
    "_GIVEN": "facts",
    "_EXPECT": "expect",
    "OFFER": "actions",
    "SAY": "actions",
    "TAG": "actions",
    "UNTAG": "actions",
    "CALL": "actions",
    "VIA": "actions",
    "SPLIT": "actions",
}
_LISTED = (Role.PRODUCT, Role.CHANNEL)
_ENDS_A_TEST = frozenset(["_AND", "_OR", "_WHERE", "_COLON", "_GIVEN", "_COMMA"])
_LITERALS = frozenset(["NUMBER", "PERCENT", "DATE", "DOLLARS", "CURRENCY", "UNIT", "WORD", "STRING", "MINUS"])
_VALUES = _LITERALS | {"PLUS", "STAR", "SLASH", "_OF", "USAGE_OF", "QUOTA_OF", "NAME", "NOT"}


@dataclass(slots=True)
class Walk:
    """The place reached. `events` are the events whose condition stands around it, "" for other parentheses."""

    words: list[Word] = field(default_factory=list)
    section: str = "moments"
    events: list[str] = field(default_factory=list)
    listed: Role | None = None

    def take(self, word: Word) -> None:
        if word.type in NAMES:
            role = self.role(word.type)
            self.listed = role if role in _LISTED else None
        elif word.type == "LPAR":
            self.events.append(self._event_before())
        elif word.type == "RPAR" and self.events:
            self.events.pop()
        elif word.type in _SECTIONS and (self.section != "expect" or word.type == "_EXPECT"):
            self._enter(word.type)
        elif word.type == "ON" and self.section == "facts":
            self.section = "moments"
        if word.type != "_COMMA" and word.type not in NAMES:
            self.listed = None
        self.words.append(word)

    def role(self, terminal: str) -> Role | None:
        """What a name of this terminal (NAME, PATH or WORD) would be here; None for a name that is free."""
        before = self._type(1)
        if terminal == "WORD":
            return Role.VALUE
        if before == "_COMMA" and self.listed and not self.events:
            return self.listed
        if before in ("RULE", "NO"):
            return Role.RULE if self.section == "expect" else Role.RULE_NAME if before == "RULE" else Role.EVENT
        if before == "_OF" and self._type(3) == "SUM_OF":
            return Role.EVENT
        if before in _BEHIND:
            return _BEHIND[before]
        if terminal == "PATH":
            return Role.ATTRIBUTE
        if self.section == "moments" and before in ("ON", "_OR", "BEFORE", "AFTER"):
            return Role.MOMENT
        return Role.EVENT if self.section == "facts" and before == "NUMBER" else None

    @property
    def event(self) -> str:
        """The event whose properties are asked here, or ""."""
        return next((name for name in reversed(self.events) if name), "")

    def compared(self) -> tuple[Word, ...]:
        """The words of the left side of the comparison whose value stands here; none where none does."""
        at = self._comparator()
        if at is None:
            return ()
        while at > 0 and self.words[at - 1].type in ("NOT", "IS"):
            at -= 1
        return self._left_of(at)

    def operand(self) -> tuple[Word, ...]:
        """The words of the left side that ends here."""
        return self._left_of(len(self.words))

    # --- within

    def _type(self, back: int) -> str:
        return self.words[-back].type if len(self.words) >= back else ""

    def _enter(self, terminal: str) -> None:
        if terminal == "_COLON" and not any(word.type == "SEGMENT" for word in self.words[:1]):
            return  # the name of an arm
        self.section = _SECTIONS[terminal]

    def _event_before(self) -> str:
        """The event whose condition or properties the parenthesis opens."""
        if self._type(1) in ("_WHERE", "WITH") and self.section in ("condition", "facts"):
            return _event_of(self.words[:-1])
        return ""

    def _comparator(self) -> int | None:
        """Where the comparator of this value stands."""
        if self.section not in ("condition", "facts"):
            return None
        at, depth = len(self.words) - 1, 0
        while at >= 0:
            type_ = self.words[at].type
            if type_ == "RPAR":
                depth += 1
            elif type_ == "LPAR":
                depth = max(0, depth - 1)
            elif depth == 0 and type_ in COMPARATORS:
                return at
            elif depth == 0 and type_ not in _VALUES and not self._goes_on(at):
                return None
            at -= 1
        return None

    def _goes_on(self, at: int) -> bool:
        """Whether the `and` there belongs to `between`, or the comma to a list of values."""
        if self.words[at].type == "_AND":
            before = at - 1
            while before >= 0 and self.words[before].type in _LITERALS:
                before -= 1
            return before >= 0 and self.words[before].type == "_BETWEEN"
        return self.words[at].type == "_COMMA" and bool(self.events)

    def _left_of(self, end: int) -> tuple[Word, ...]:
        at, depth = end - 1, 0
        while at >= 0:
            type_ = self.words[at].type
            if type_ == "RPAR":
                depth += 1
            elif type_ == "LPAR":
                if depth == 0:
                    break
                depth -= 1
            elif depth == 0 and (type_ in _ENDS_A_TEST or type_ == "NOT") and not self._of_events(at):
                break
            at -= 1
        return tuple(self.words[at + 1 : end])

    def _of_events(self, at: int) -> bool:
        """Whether the `where` there is that of counted events, which lie inside a left side."""
        return self.words[at].type == "_WHERE" and bool(_event_of(self.words[:at]))


def _event_of(words: Sequence[Word]) -> str:
    """The event that the words end with: `count of purchase`, `3 purchase`, `count of purchase in last 7 days`."""
    at = len(words) - 1
    if at >= 2 and words[at].type == "UNIT" and words[at - 2].type == "_IN_LAST":
        at -= 3
    if at < 1 or words[at].type != "NAME":
        return ""
    counted = ("COUNT_OF", "LAST", "ANY", "NO", "_OF", "NUMBER")
    return words[at].text.lower() if words[at - 1].type in counted else ""


def walk(words: Sequence[Word]) -> Walk:
    """The place behind the last word."""
    reached = Walk()
    for word in words:
        reached.take(word)
    return reached


def roles(words: Sequence[Word]) -> list[Role | None]:
    """What each word stands for; None for what is no name."""
    reached, found = Walk(), list[Role | None]()
    for word in words:
        found.append(reached.role(word.type) if word.type in NAMES else None)
        reached.take(word)
    return found
