"""What a word of a rule means: `hover(files, path, offset)`."""

from __future__ import annotations

from dataclasses import dataclass

from dsl.catalog import Moment, Owner
from dsl.datatypes import Kind
from dsl.files import read_messages
from dsl.folder import RULES, Files
from dsl.language_service.keywords import documentation
from dsl.language_service.operands import compared_type, moments_of
from dsl.language_service.roles import NAMES, Role, roles, walk
from dsl.language_service.targets import Spot, Target, spot
from dsl.language_service.vocabulary import CatalogWords, Entry, catalog_words, described, moment_detail
from dsl.service import check
from dsl.source import Span
from dsl.statistics import Statistics
from dsl.wording import plain, sentence

_LONGEST_MESSAGE = 400


@dataclass(frozen=True, slots=True)
class Hover:
    """Plain text, one thought a line, about the word in `span`."""

    span: Span
    text: str


def hover(files: Files, path: str, offset: int, statistics: Statistics | None = None) -> Hover | None:
    """What the word at `offset` is; None between words and for words that mean nothing."""
    if not path.endswith(RULES) or (found := spot(files, path, offset)) is None:
        return None
    lines = _of_word(files, path, found, statistics)
    return Hover(found.word.span, "\n".join(line for line in lines if line)) if any(lines) else None


def _of_word(files: Files, path: str, found: Spot, statistics: Statistics | None) -> list[str]:
    catalog = catalog_words(files)
    if found.target is not None:
        return _of_target(files, catalog, found.target, statistics)
    if found.role is Role.VALUE and catalog is not None:
        return _of_value(catalog, found)
    if found.word.type == "NUMBER" and catalog is not None:
        return _of_number(catalog, found)
    if found.word.type in NAMES:
        return []
    keyword = documentation(" ".join(found.word.text.lower().split()))
    return [keyword, *(_rule_at(files, path, found) if found.word.type in ("ON", "RULE") and keyword else [])]


def _of_target(files: Files, catalog: CatalogWords | None, target: Target, statistics: Statistics | None) -> list[str]:
    match target.kind:
        case "rule":
            return [f"rule {target.name}", *_rule_named(files, target.name)]
        case "segment":
            return [f"segment {target.name}", *_segment(files, target.name)]
        case "message":
            return _message(files, target.name)
        case "tag":
            return [f"tag {target.name}"]
    if catalog is None:
        return []
    match target.kind:
        case "attribute":
            return _attribute(catalog, target, statistics)
        case "property":
            entries = catalog.properties([target.owner])
            return [f"{entry.label}: {entry.detail}" for entry in entries if entry.label == target.name]
        case "moment":
            moment = catalog.catalog.moments.get(target.name)
            return _moment(moment) if moment else []
    listed = (*catalog.products, *catalog.meters, *catalog.channels, *catalog.tasks)
    return next((_entry(one) for one in listed if (one.kind, one.label) == (target.kind, target.name)), [])


# --- the catalog's words ----------------------------------------------------------------------------------------------


def _entry(entry: Entry) -> list[str]:
    title = entry.documentation if entry.documentation.lower() != entry.label else ""
    return [f"{entry.kind} {entry.label}" + (f": {entry.detail}" if entry.detail else ""), title]


def _attribute(catalog: CatalogWords, target: Target, statistics: Statistics | None) -> list[str]:
    key = f"{target.owner}.{target.name}"
    type_ = catalog.types[key]
    declaration = catalog.catalog.attributes(Owner(target.owner)).get(target.name)
    stored = f"{target.owner}.{type_.since}" if type_.since else key
    share = statistics.share_known(stored) if statistics else None
    return [
        f"{key}: {described(type_)}",
        declaration.doc if declaration else "Built in.",
        "Personal: masked in receipts and logs." if declaration and declaration.personal else "",
        f"{share:.0%} of {target.owner}s have a value." if share is not None else "",
    ]


def _moment(moment: Moment) -> list[str]:
    properties = ", ".join(f"{name} ({described(type_)})" for name, type_ in moment.properties.items())
    return [
        f"moment {moment.name}: {moment_detail(moment)}",
        moment.doc,
        f"While the status is {', '.join(moment.statuses)}." if moment.statuses else "",
        f"Properties: {properties}." if properties else "",
    ]


def _of_value(catalog: CatalogWords, found: Spot) -> list[str]:
    words = found.reading.words
    reached = walk(words[: found.at])
    if compared_type(catalog, reached, moments_of(words, roles(words))) is None:
        return []
    return [f"a value of {' '.join(word.text for word in reached.compared())}"]


def _of_number(catalog: CatalogWords, found: Spot) -> list[str]:
    """A bare number beside an elapsed time takes its unit."""
    words = found.reading.words
    reached = walk(words[: found.at])
    type_ = compared_type(catalog, reached, moments_of(words, roles(words)))
    bare = found.at + 1 == len(words) or words[found.at + 1].type != "UNIT"
    if type_ is None or type_.kind is not Kind.ELAPSED or not bare:
        return []
    return [f"{found.word.text} {type_.unit}: a bare number takes the unit of {reached.compared()[-1].text}."]


# --- what the folder declares -----------------------------------------------------------------------------------------


def _rule_at(files: Files, path: str, found: Spot) -> list[str]:
    chunk = found.reading.chunk
    rules = (one.rule for one in check(files).declarations if one.rule is not None and one.source.path == path)
    return [sentence(rule) for rule in rules if chunk is not None and rule.span.start == chunk.span.start]


def _rule_named(files: Files, name: str) -> list[str]:
    ruleset = check(files).ruleset
    rule = ruleset.rule(name) if ruleset else None
    return [sentence(rule)] if rule else []


def _segment(files: Files, name: str) -> list[str]:
    ruleset = check(files).ruleset
    segment = ruleset.segments.get(name) if ruleset else None
    return [f"Those of whom {plain(segment.condition)}."] if segment else []


def _message(files: Files, name: str) -> list[str]:
    message = read_messages(files).good.get(name)
    if message is None:
        return []
    return [
        f"message {name}",
        f"Subject: {message.subject}" if message.subject else "",
        message.body[:_LONGEST_MESSAGE],
    ]
