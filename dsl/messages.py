"""Messages: Liquid templates, one a file, with a front matter for the subject and for variants (`variants`).

    ---
    subject: "One more year together"
    variants:
      de: {subject: "Noch ein Jahr zusammen", body: "Danke, {{ first_name | default: 'und auf bald' }}."}
    ---
    Thank you, {{ first_name | default: "friend" }}.

A template may read every attribute of the customer and the subscription by its bare name,
what is offered (`OFFER_VARIABLES`), the event's properties as `event.page`, and of the last event of a kind
`last.website_visit.date` and its properties.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import PurePosixPath

from dsl import message_errors as errors
from dsl.catalog import Catalog, Owner
from dsl.diagnostics import Diagnostic
from dsl.source import Source, Span
from dsl.template_words import FILTERS, MOST_CHARACTERS, TAGS
from dsl.variants import Variant, fitting, unknown_word

OFFER_VARIABLES = (
    "offer.name",
    "offer.price",
    "offer.list_price",
    "offer.today",
    "offer.saving",
    "offer.until",
    "offer.interval",
    "offer.free_months",
    "offer.free_until",
)
"""The price and the list price of the first bill that is not free, what is paid today for what the offer replaces, what
is saved in all, the last day of the price, the billing interval (`month`), the months that are free and the last
day of them. All come from one quote; what does not apply (a saving of nothing) is missing.
"""

_UNREADABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Message:
    """A checked template: `subject` and `body` are Liquid source. `variables` are the dotted names that they read.

    `places` says where each is read in `source`; those of the variants are among them.
    """

    name: str
    subject: str
    body: str
    variables: frozenset[str] = frozenset()
    variants: tuple[Variant, ...] = ()
    places: tuple[tuple[str, Span], ...] = field(default=(), compare=False, repr=False)
    source: Source = field(default=Source("", ""), compare=False, repr=False)

    @property
    def templates(self) -> tuple[str, ...]:
        """Every text of it, those of its variants too."""
        others = [text for one in self.variants for text in (one.subject, one.body) if text is not None]
        return self.subject, self.body, *others


@dataclass(frozen=True, slots=True)
class Rendered:
    subject: str
    body: str


def read_message(source: Source) -> tuple[Message | None, tuple[Diagnostic, ...]]:
    """The message of a file, named like it (`messages/we_miss_you.txt` is we_miss_you), or why there is none."""
    from dsl.front_matter import front_matter  # YAML, for those alone who read messages from files

    if len(source.text) > MOST_CHARACTERS:
        return None, (errors.too_long(source, MOST_CHARACTERS),)
    if found := _UNREADABLE.search(source.text):
        return None, (errors.unreadable(source, Span(found.start(), found.end()), found.group()),)
    subject, variants, body, problems = front_matter(source)
    if problems:
        return None, problems
    return _message(PurePosixPath(source.path).stem, source, subject, body, variants)


def inline_message(source: Source, span: Span, text: str) -> tuple[Message | None, tuple[Diagnostic, ...]]:
    """The message that a rule says in quotes; it goes by its text with the quotes, which no file is called."""
    return _message(f'"{text}"', source, None, (span, text))


def render(
    message: Message, variables: Mapping[str, object], *, channel: str | None = None, locale: str | None = None
) -> Rendered:
    """Both texts with values set in: `{"first_name": "Ada", "offer": {"name": "Premium"}, "event": {...}}`.

    In the words of the variant for the channel and the customer's locale. Raises templates.RenderingFailed for a limit
    reached or a filter given what it cannot use.
    """
    from dsl.templates import render_template  # a library that only those who read or write a message wait for

    values = {name: _plain(value) for name, value in variables.items()}
    variant = fitting(message.variants, channel, locale)
    subject = message.subject if variant is None or variant.subject is None else variant.subject
    body = message.body if variant is None or variant.body is None else variant.body
    return Rendered(" ".join(render_template(subject, values).split()), render_template(body, values).strip("\n"))


def _plain(value: object) -> object:
    """A value as templates show it: a set as a sorted list, a whole number without its point, money in words."""
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, set | frozenset | list | tuple):
        return sorted(str(item) for item in value) if isinstance(value, set | frozenset) else list(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if value is None or isinstance(value, str | bool | int | float | Decimal | dt.date):
        return value
    return str(value)


# --- reading ----------------------------------------------------------------------------------------------------------

_Part = tuple[Span, str]
"""A template and where it begins."""


def _message(
    name: str, source: Source, subject: _Part | None, body: _Part, variants: tuple[Variant, ...] = ()
) -> tuple[Message | None, tuple[Diagnostic, ...]]:
    from dsl.templates import read_template

    places: list[tuple[str, Span]] = []
    others = [(one.span, text) for one in variants for text in (one.subject, one.body) if text is not None]
    for span, template in filter(None, (subject, *others, body)):
        readings, problem = read_template(template)
        offset = source.text.find(template, span.start, span.end)  # -1: written with escapes
        if problem is not None:
            place = Span(offset + problem.start, offset + problem.end) if offset >= 0 else span
            return None, (_diagnostic(source, place, problem.message, problem.tag, problem.filter),)
        for reading in readings:
            place = Span(offset + reading.start, offset + reading.end) if offset >= 0 else span
            places.append((reading.name, place))
    variables = frozenset(variable for variable, _ in places)
    return Message(name, subject[1] if subject else "", body[1], variables, variants, tuple(places), source), ()


def _diagnostic(source: Source, place: Span, told: str, tag: str | None, filter_: str | None) -> Diagnostic:
    if tag is not None:
        return errors.unknown_tag(source, place, tag, TAGS)
    if filter_ is not None:
        return errors.unknown_filter(source, place, filter_, FILTERS)
    return errors.bad_template(source, place, told)


# --- variables --------------------------------------------------------------------------------------------------------


def check_variables(message: Message, catalog: Catalog, properties: Collection[str]) -> Iterator[Diagnostic]:
    """A warning for each variable that nothing fills. `properties` are those of the events that it may meet.

    An error for each variant that is for no channel of the catalog and for no language.
    """
    for variant in message.variants:
        if (word := unknown_word(variant, catalog.channels)) is not None:
            yield errors.unknown_variant(message.source, variant.span, word, catalog.channels)
    known = _variables(catalog, properties) if message.places else frozenset()
    for name, place in message.places:
        if name not in known:
            bare = name.removeprefix("customer.").removeprefix("subscription.")
            yield errors.unknown_variable(message.source, place, name, [bare] if bare in known else sorted(known))


def _variables(catalog: Catalog, properties: Collection[str]) -> frozenset[str]:
    known = {*OFFER_VARIABLES, *(f"event.{name}" for name in properties)}
    for owner in (Owner.CUSTOMER, Owner.SUBSCRIPTION):
        for declared in catalog.attributes(owner).values():
            known.add(declared.name)
    for moment in catalog.moments.values():
        if moment.attribute is None:
            known |= {f"last.{moment.name}.date", *(f"last.{moment.name}.{name}" for name in moment.properties)}
    return frozenset(known)
