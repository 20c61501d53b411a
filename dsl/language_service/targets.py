"""What stands at a place, as a thing of the folder: this rule, that segment, an attribute of the catalog."""

from __future__ import annotations

from dataclasses import dataclass

from dsl.catalog import Owner
from dsl.folder import Files
from dsl.language_service.operands import compared_type, moments_of
from dsl.language_service.reading import Reading, Word, read_around
from dsl.language_service.roles import NAMES, Role, roles, walk
from dsl.language_service.vocabulary import CatalogWords, catalog_words, declared


@dataclass(frozen=True, slots=True)
class Target:
    """`kind` is rule, segment, message, attribute, property, moment, plan, add-on, meter, channel, task or tag.

    `owner` is that of an attribute ("customer") or the moment of a property.
    """

    kind: str
    name: str
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Spot:
    """A word of a declaration with what it stands for; `at` is its number among the words of the reading."""

    reading: Reading
    at: int
    role: Role | None
    target: Target | None

    @property
    def word(self) -> Word:
        return self.reading.words[self.at]


def spot(files: Files, path: str, offset: int) -> Spot | None:
    """The word at `offset` of a file of rules, or that ends there, a name before a sign; None between words."""
    reading = read_around(files.get(path, ""), offset)
    found = [at for at, word in enumerate(reading.words) if word.span.start <= offset <= word.span.end]
    if not found:
        return None
    nearest = max(found, key=lambda at: (reading.words[at].type in NAMES, at))
    return spots(files, reading)[nearest]


def spots(files: Files, reading: Reading) -> list[Spot]:
    """Every word of a declaration."""
    known = roles(reading.words)
    catalog = catalog_words(files)
    segments = {entry.label for entry in declared(files, "segment")}
    found = []
    for at, role in enumerate(known):
        target = _target(catalog, segments, reading.words, known, at) if role is not None else None
        found.append(Spot(reading, at, role, target))
    return found


_DIRECTLY = {
    Role.MOMENT: "moment",
    Role.EVENT: "moment",
    Role.METER: "meter",
    Role.ADDON: "add-on",
    Role.TAG: "tag",
    Role.MESSAGE: "message",
    Role.TASK: "task",
    Role.CHANNEL: "channel",
    Role.RULE: "rule",
    Role.RULE_NAME: "rule",
    Role.OLD_NAME: "rule",
    Role.SEGMENT_NAME: "segment",
}


def _target(
    catalog: CatalogWords | None, segments: set[str], words: tuple[Word, ...], known: list[Role | None], at: int
) -> Target | None:
    role, name = known[at], words[at].text.lower()
    if role in _DIRECTLY:
        return Target(_DIRECTLY[role], name)
    if catalog is None:
        return Target("segment", name) if role is Role.ATTRIBUTE and name in segments else None
    if role is Role.PRODUCT:
        return _product(catalog, name)
    if role is Role.PROPERTY:
        event = words[at + 2].text.lower() if len(words) > at + 2 else ""
        return Target("property", name, event)
    reached = walk(words[:at])
    moments = moments_of(words, known)
    if role is Role.ATTRIBUTE:
        return _left_side(catalog, segments, name, [reached.event] if reached.event else moments)
    if role is Role.VALUE:
        type_ = compared_type(catalog, reached, moments)
        return _product(catalog, name) if type_ is not None and type_.kind in ("plan", "addon") else None
    return None


def _product(catalog: CatalogWords, name: str) -> Target | None:
    if name in catalog.catalog.plans:
        return Target("plan", name)
    if name in catalog.catalog.bundles:
        return Target("bundle", name)
    return Target("add-on", name) if name in catalog.catalog.addons else None


def _left_side(catalog: CatalogWords, segments: set[str], name: str, moments: list[str]) -> Target | None:
    """A property, an attribute or a segment, in the order in which the checker looks."""
    prefix, _, word = name.rpartition(".")
    for moment in [prefix] if prefix in catalog.catalog.moments else moments:
        declared_moment = catalog.catalog.moments.get(moment)
        if prefix in ("", Owner.EVENT, moment) and declared_moment and word in declared_moment.properties:
            return Target("property", word, moment)
    for owner in (Owner.SUBSCRIPTION, Owner.CUSTOMER):
        if prefix in ("", owner) and f"{owner}.{word}" in catalog.types:
            return Target("attribute", word, str(owner))
    return Target("segment", name) if name in segments else None
