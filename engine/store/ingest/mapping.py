"""The mapping file: which column of a file becomes which attribute, and how its texts are to be read.

    as_of: 2026-03-31               # the day that an elapsed time counts to
    blank: [NA, "-"]                # texts that mean missing, besides empty and white space
    delimiter: ";"                  # between the cells of a CSV file (default: a comma)
    attributes:
      id: {template: "telco-{customerID}"}                   # computed from columns
      customer: customerID                                   # renamed
      country: {constant: US}
      status: {column: Churn, values: {Yes: cancelled, No: active}}
      started_on: {column: tenure, elapsed: months}          # that many full months before as_of
      renews_on: {column: renewal, format: "%d/%m/%Y"}       # or unit: days | seconds | milliseconds (since 1970)
      mrr: {column: MonthlyCharges, currency: USD}           # or currency_column: Currency; unit: minor for cents
      discount: {column: rebate, unit: share}                # 0.2 is 20%
      storage_gb: {column: storage_mb, times: "0.001"}
      addons: {yes_columns: {OnlineBackup: backup}, yes: [Yes], no: [No, No internet service]}
      interests: {column: hobbies, separator: "|"}
      occurred_at: {column: ts, timezone: Europe/Berlin}     # for times without a zone (default: UTC)

Every scalar is the text that its author typed (`Yes` and `NO` stay words).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal, InvalidOperation
from pathlib import Path

from dsl.datatypes import Unit
from dsl.source import Source
from dsl.suggestions import hint, listed
from dsl.yaml_reader import Listing, Node, Scalar, Table, read_yaml
from engine.errors import MappingError
from engine.store.zones import is_zone

YES = ("yes", "true", "1", "y", "t")
NO = ("no", "false", "0", "n", "f")
_PLACE = re.compile(r"\{([^{}]+)\}")
_SOURCES = ("column", "constant", "template", "yes_columns")
_UNITS = ("minor", "major", "share", "percent", "days", "seconds", "milliseconds")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one attribute is made. Exactly one of `column`, `constant`, `template` and `yes_columns` is its source.

    `yes` and `no` are compared without case.
    """

    column: str | None = None
    constant: str | None = None
    template: str | None = None
    yes_columns: Mapping[str, str] = field(default_factory=dict)  # column -> member of the set
    values: Mapping[str, str] = field(default_factory=dict)
    format: str | None = None
    unit: str | None = None
    elapsed: Unit | None = None
    currency: str | None = None
    currency_column: str | None = None
    times: Decimal | None = None
    separator: str = ";"
    timezone: str = "UTC"
    yes: tuple[str, ...] = YES
    no: tuple[str, ...] = NO

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column of the file that it reads."""
        named = (self.column, self.currency_column, *places(self.template or ""), *self.yes_columns)
        return tuple(dict.fromkeys(name for name in named if name is not None))


@dataclass(frozen=True, slots=True)
class Mapped:
    """A whole mapping file. `recipes` by attribute, in the author's order; `name` for messages."""

    recipes: Mapping[str, Recipe]
    as_of: dt.date | None = None
    blank: frozenset[str] = frozenset()
    delimiter: str | None = None
    name: str = "the mapping"


def places(template: str) -> list[str]:
    """The columns that a template names, in order."""
    return _PLACE.findall(template)


def fill(template: str, values: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda place: values[place[1]], template)


def read_mapping(path: Path) -> Mapped:
    """The mapping in a file; raises MappingError of one sentence, with file and line."""
    try:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise MappingError(f"The mapping {path} cannot be read: {error.strerror}.") from None
    return parse_mapping(Source(str(path), text))


def parse_mapping(source: Source) -> Mapped:
    node, diagnostics = read_yaml(source)
    if wrong := next((one for one in diagnostics if one.is_error), None):
        at = source.position(wrong.span.start)
        raise MappingError(f"{source.path}:{at.line}: {wrong.message.rstrip('.')}.")
    return _Reader(source).mapping(node)


class _Reader:
    """Reads the tree of a mapping file; each wrong thing is one sentence with its line."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def fail(self, node: Node, sentence: str) -> MappingError:
        return MappingError(f"{self.source.path}:{self.source.position(node.span.start).line}: {sentence}.")

    def mapping(self, node: Node | None) -> Mapped:
        top = self.entries(node, ("as_of", "blank", "delimiter", "attributes"), "a mapping")
        if "attributes" not in top:
            raise MappingError(f"{self.source.path}: a mapping has `attributes:`, a table from attribute to column.")
        attributes = self.table(top["attributes"], "attributes")
        return Mapped(
            {key.text: self.recipe(key, value) for key, value in attributes.entries},
            as_of=self.day(top["as_of"]) if "as_of" in top else None,
            blank=frozenset(self.texts(top["blank"])) if "blank" in top else frozenset(),
            delimiter=self.delimiter(top["delimiter"]) if "delimiter" in top else None,
            name=self.source.path,
        )

    def recipe(self, key: Scalar, node: Node) -> Recipe:
        if isinstance(node, Scalar):
            return Recipe(column=self.text(node))
        said = self.entries(node, tuple(one.name for one in fields(Recipe)), key.text)
        given = [name for name in _SOURCES if name in said]
        if len(given) != 1:
            raise self.fail(key, f"{key.text} needs one of {listed(_SOURCES, 'or')}")
        return Recipe(
            column=self.optional(said, "column"),
            constant=self.optional(said, "constant"),
            template=self.template(said["template"]) if "template" in said else None,
            yes_columns=self.pairs(said["yes_columns"]) if "yes_columns" in said else {},
            values=self.pairs(said["values"]) if "values" in said else {},
            format=self.optional(said, "format"),
            unit=self.one_of(said["unit"], _UNITS) if "unit" in said else None,
            elapsed=Unit(self.one_of(said["elapsed"], tuple(Unit))) if "elapsed" in said else None,
            currency=self.currency(said["currency"]) if "currency" in said else None,
            currency_column=self.optional(said, "currency_column"),
            times=self.factor(said["times"]) if "times" in said else None,
            separator=self.text(said["separator"]) if "separator" in said else ";",
            timezone=self.timezone(said["timezone"]) if "timezone" in said else "UTC",
            yes=tuple(word.lower() for word in self.texts(said["yes"])) if "yes" in said else YES,
            no=tuple(word.lower() for word in self.texts(said["no"])) if "no" in said else NO,
        )

    def table(self, node: Node | None, what: str) -> Table:
        if not isinstance(node, Table):
            place = self.source.position(node.span.start).line if node is not None else 1
            raise MappingError(f"{self.source.path}:{place}: {what} is a table of `name: value`.")
        return node

    def entries(self, node: Node | None, known: tuple[str, ...], what: str) -> dict[str, Node]:
        table = self.table(node, what)
        for key, _ in table.entries:
            if key.text not in known:
                tip = hint(key.text, known)
                raise self.fail(key, f"{what} has no setting {key.text}" + (f" ({tip})" if tip else ""))
        return {key.text: value for key, value in table.entries}

    def text(self, node: Node) -> str:
        if not isinstance(node, Scalar) or (node.text == "" and not node.quoted):
            raise self.fail(node, "one word or text is needed here")
        return node.text

    def optional(self, said: Mapping[str, Node], name: str) -> str | None:
        return self.text(said[name]) if name in said else None

    def texts(self, node: Node) -> list[str]:
        items = node.items if isinstance(node, Listing) else (node,)
        return [self.text(item) for item in items]

    def pairs(self, node: Node) -> dict[str, str]:
        """`~` and an empty value stand for missing: the empty text."""
        table = self.table(node, "this")
        return {
            key.text: "" if isinstance(value, Scalar) and value.is_empty else self.text(value)
            for key, value in table.entries
        }

    def one_of(self, node: Node, known: tuple[str, ...]) -> str:
        text = self.text(node)
        if text not in known:
            raise self.fail(node, f"{text} is not one of {listed(known, 'or')}")
        return text

    def day(self, node: Node) -> dt.date:
        try:
            return dt.date.fromisoformat(self.text(node))
        except ValueError:
            raise self.fail(node, f"{self.text(node)} is no date such as 2026-03-31") from None

    def delimiter(self, node: Node) -> str:
        text = "\t" if self.text(node) in ("tab", "\\t") else self.text(node)
        if len(text) != 1 or text == '"':
            raise self.fail(node, "a delimiter is one character, or the word tab")
        return text

    def template(self, node: Node) -> str:
        text = self.text(node)
        if not places(text):
            raise self.fail(node, "a template names at least one column in braces, such as {account}")
        return text

    def currency(self, node: Node) -> str:
        text = self.text(node)
        if not re.fullmatch("[A-Z]{3}", text):
            raise self.fail(node, f"{text} is no currency code such as USD")
        return text

    def factor(self, node: Node) -> Decimal:
        try:
            value = Decimal(self.text(node))
        except InvalidOperation:
            value = Decimal("NaN")
        if not value.is_finite():
            raise self.fail(node, f"{self.text(node)} is no number")
        return value

    def timezone(self, node: Node) -> str:
        text = self.text(node)
        if not is_zone(text):
            raise self.fail(node, f"{text} is no time zone such as Europe/Berlin")
        return text
