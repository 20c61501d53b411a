"""The list of rules: every file, what each rule says in plain English, and what needs attention."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from textwrap import shorten

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from dsl.diagnostics import Diagnostic
from dsl.typed import Action, Call, MomentUse, Offer, Rule, Say, Tag
from dsl.wording import moment_words, sentence
from engine.pauses import every_pause
from engine.rulebook import Loaded
from engine.unavailable import not_run, waits_for
from web.desk import desk
from web.drafts import Finding, finding, rules_of

pages = Blueprint("rules", __name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """One good rule with the warnings inside it, and what it waits for if this version does not run it."""

    rule: Rule
    sentence: str
    line: int
    findings: tuple[Finding, ...]
    waits_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """One file: its good rules, and what is wrong with the rest of it."""

    path: str
    entries: tuple[Entry, ...]
    broken: tuple[Finding, ...]


@pages.get("/")
def home() -> ResponseReturnValue:
    return redirect(url_for("rules.listing"))


@pages.get("/rules")
def listing() -> ResponseReturnValue:
    loaded = desk().rulebook.current()
    query = request.args.get("q", "").strip()
    groups = [found for group in grouped(loaded) if (found := narrowed(group, query))]
    waiting = len(not_run(loaded.ruleset.rules)) if loaded.ruleset else 0
    others = sorted(path for path in loaded.files if not path.endswith(".rules"))
    return render_template(
        "rules.html",
        groups=groups,
        query=query,
        total=len(loaded.ruleset.rules) - waiting if loaded.ruleset else 0,
        waiting=waiting,
        paused=_paused(),
        shown_rules=sum(len(group.entries) for group in groups),
        elsewhere=[finding(each) for each in loaded.errors if not each.source.path.endswith(".rules")],
        others=others,
        unusable=loaded.ruleset is None,
        today=desk().today(),
        moments=moments,
        actions=actions,
    )


def _paused() -> dict[str, str]:
    """Why, for each rule that is paused."""
    with desk().store.read() as connection:
        return {each.rule: each.reason for each in every_pause(connection)}


def grouped(loaded: Loaded) -> list[Group]:
    """Every rule file, by name, with its rules in the order of their lines."""
    return [_group(loaded, path) for path in sorted(loaded.files) if path.endswith(".rules")]


def _group(loaded: Loaded, path: str) -> Group:
    mine = [each for each in loaded.diagnostics if each.source.path == path]
    rules = rules_of(loaded.ruleset, path)
    entries = tuple(_entry(rule, mine) for rule in rules)
    broken = [each for each in mine if each.is_error or not any(_inside(each, rule) for rule in rules)]
    return Group(path, entries, tuple(map(finding, broken)))


def _entry(rule: Rule, diagnostics: Iterable[Diagnostic]) -> Entry:
    found = tuple(finding(each) for each in diagnostics if not each.is_error and _inside(each, rule))
    return Entry(rule, sentence(rule), rule.source.position(rule.span.start).line, found, waits_for(rule))


def _inside(diagnostic: Diagnostic, rule: Rule) -> bool:
    return rule.span.start <= diagnostic.span.start < rule.span.end


def narrowed(group: Group, query: str) -> Group | None:
    """The part of a group in which every word of `query` is found, or None."""
    needles = query.lower().split()
    entries = tuple(each for each in group.entries if _has(needles, _words(each, group.path)))
    broken = tuple(
        each for each in group.broken if _has(needles, f"{group.path} {each.diagnostic.message} {_line(each)}")
    )
    whole = not needles or _has(needles, group.path)
    return Group(group.path, entries, broken) if entries or broken or whole else None


def _has(needles: Iterable[str], text: str) -> bool:
    lowered = text.lower()
    return all(needle in lowered for needle in needles)


def _words(entry: Entry, path: str) -> str:
    rule = entry.rule
    return " ".join((path, rule.name, rule.title or "", entry.sentence, rule.text, *rule.via))


def _line(found: Finding) -> str:
    return found.before + found.marked + found.after


def moments(rule: Rule) -> list[str]:
    """`14 days before renewal`, `website visit`: the moments of a rule, for people."""
    return [_moment(use) for use in rule.moments]


def _moment(use: MomentUse) -> str:
    return moment_words(use).replace("_", " ")


def actions(rule: Rule) -> list[str]:
    """`offer premium`, `say birthday wishes`, `tag vip`."""
    return [_action(action) for action in rule.actions]


def _action(action: Action) -> str:
    match action:
        case Offer(products):
            return "offer " + " or ".join(product.replace("_", " ") for product in products)
        case Say(message):
            return "say " + (
                message.replace("_", " ") if message.isidentifier() else shorten(message, 44, placeholder='…"')
            )
        case Tag(tag, add):
            return f"{'tag' if add else 'untag'} {tag.replace('_', ' ')}"
        case Call(task):
            return "call " + task.replace("_", " ")
