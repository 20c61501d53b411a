"""The checker: a tree becomes a typed rule, or the first thing that is wrong with it.

A declaration is checked from its first word to its last and stops at its first error, so nobody reads a cascade; every
other declaration is checked all the same.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from dsl import check_errors as errors
from dsl import syntax
from dsl.catalog import Moment, MomentKind, Owner
from dsl.check_errors import Finding, Wrong
from dsl.conditions import Conditions
from dsl.messages import Message
from dsl.names import Scope, Words
from dsl.rule_actions import Actions
from dsl.rule_clauses import Clauses, check_clauses
from dsl.rule_moments import check_moments
from dsl.segments import place
from dsl.source import Source
from dsl.splits import check_split
from dsl.typed import Action, All, Call, Condition, MomentUse, Offer, Rule, Say, Tag


@dataclass(frozen=True, slots=True)
class CheckedRule:
    """A rule, or None with its error; `messages` are those that it says in its own words."""

    source: Source
    node: syntax.Rule
    rule: Rule | None
    findings: tuple[Finding, ...]
    messages: Mapping[str, Message] = field(default_factory=dict)


def check_rule(words: Words, source: Source, node: syntax.Rule) -> CheckedRule:
    scope = Scope(words)
    actions = Actions(scope, source)
    try:
        rule = _rule(scope, actions, source, node)
    except Wrong as wrong:
        return CheckedRule(source, node, None, (wrong.finding,))
    return CheckedRule(source, node, rule, tuple(scope.notes), actions.inline)


# --- a rule -----------------------------------------------------------------------------------------------------------


def _rule(scope: Scope, actions: Actions, source: Source, node: syntax.Rule) -> Rule:
    """The parts in the order in which they stand. Raises Wrong with the first error."""
    uses, declared = check_moments(scope.catalog, node.moments)
    scope.moments = declared
    condition = _condition(scope, source, node)
    done = actions.check(node.actions)
    clauses = check_clauses(scope, node.clauses, offers=_offers(node))
    arms = check_split(actions, node.split, offered=any(isinstance(action, Offer) for action in done))
    via = _via(scope, node, clauses)
    _refuse_never_due(node, uses, clauses)
    if _offers(node) and not clauses.is_capped:
        _note_no_cap(scope, node, declared)
    return Rule(
        name=node.name.text if node.name else made_name(uses, done or arms[0].actions),
        title=node.title.value if node.title else None,
        moments=uses,
        condition=condition,
        actions=done,
        via=via,
        priority=clauses.priority,
        starts=clauses.starts,
        ends=clauses.ends,
        was=_was(node),
        purpose=clauses.purpose,
        worth=clauses.worth,
        at_most_once=clauses.at_most_once,
        customers_caps=clauses.customers_caps,
        budgets=clauses.budgets,
        hold_out=clauses.hold_out,
        expires=clauses.expires,
        goal=clauses.goal,
        catch_up=clauses.catch_up,
        split=arms,
        named=node.name is not None,
        source=source,
        span=node.span,
    )


def _all_actions(node: syntax.Rule) -> list[syntax.Action]:
    """The rule's own and those of every arm."""
    arms = node.split.arms if node.split else ()
    return [*node.actions, *(action for arm in arms for action in arm.actions)]


def _offers(node: syntax.Rule) -> bool:
    return any(isinstance(action, syntax.Offer) for action in _all_actions(node))


def _condition(scope: Scope, source: Source, node: syntax.Rule) -> Condition:
    if node.condition is None:
        return All(())
    return Conditions(scope, source.slice).check_whole(node.condition)


def _via(scope: Scope, node: syntax.Rule, clauses: Clauses) -> tuple[str, ...]:
    """The channels: the rule's own, else the catalog's, if there is something to send. A task has its own channel."""
    if clauses.via is not None:
        return clauses.via
    sent = [action for action in _all_actions(node) if isinstance(action, syntax.Offer | syntax.Say)]
    if not sent:
        return ()
    if not scope.catalog.default_via:
        raise Wrong(errors.no_channel(sent[0].span, scope.catalog.channels))
    return scope.catalog.default_via


def _refuse_never_due(node: syntax.Rule, uses: tuple[MomentUse, ...], clauses: Clauses) -> None:
    for use, moment in zip(uses, node.moments, strict=True):
        if use.date is not None:
            day = use.date + dt.timedelta(days=use.offset)
            if (clauses.starts and day < clauses.starts) or (clauses.ends and day > clauses.ends):
                raise Wrong(errors.never_due(moment.span))


def _note_no_cap(scope: Scope, node: syntax.Rule, declared: tuple[Moment, ...]) -> None:
    """Customers visit, download and call often; what happens to a subscription is rare by its nature."""
    for moment, place_ in zip(declared, node.moments, strict=True):
        if moment.kind is MomentKind.EVENT and moment.owner is Owner.CUSTOMER:
            scope.notes.append(errors.no_cap(place_.target.span, moment.name))


def _was(node: syntax.Rule) -> str | None:
    if node.was is None:
        return None
    if node.name is not None and node.was.text == node.name.text:
        raise Wrong(errors.was_itself(node.was.span, node.was.text))
    return node.was.text


def made_name(uses: tuple[MomentUse, ...], actions: tuple[Action, ...]) -> str:
    """The name of a rule that has none: its first moment and its first action, without offset, price or text.

    `billing_anniversary_offer_premium`, `birthday_say`, `on_2026_11_27_tag_vip`.
    """
    moment = f"on_{uses[0].moment.replace('-', '_')}" if uses[0].date else uses[0].moment
    match actions[0]:
        case Offer(products):
            action = f"offer_{products[0]}"
        case Say(message):
            action = f"say_{message}" if re.fullmatch(r"\w+", message) else "say"
        case Tag(tag, add):
            action = f"{'tag' if add else 'untag'}_{tag}"
        case Call(task):
            action = f"call_{task}"
    return f"{moment}_{action}"


# --- rules among each other -------------------------------------------------------------------------------------------


def refuse_taken_names(checked: tuple[CheckedRule, ...]) -> tuple[CheckedRule, ...]:
    """Of two rules with one name only the later is broken; a former name must be free."""
    first: dict[str, CheckedRule] = {}
    found = [_refuse_taken(one, first) for one in checked]
    return tuple(_refuse_was_in_use(one, first) for one in found)


def _refuse_taken(one: CheckedRule, first: dict[str, CheckedRule]) -> CheckedRule:
    name = one.rule.name if one.rule else one.node.name.text if one.node.name else None
    if name is None:
        return one
    holder = first.setdefault(name, one)
    if holder is one or one.rule is None:
        return one
    where = place(holder.source, holder.node.name or syntax.Name("", span=holder.node.span))
    if one.node.name is not None:
        return _broken(one, errors.name_taken(one.node.name.span, "rule", name, where))
    return _broken(one, errors.made_name_taken(one.node.moments[0].span, name, where))


def _refuse_was_in_use(one: CheckedRule, first: Mapping[str, CheckedRule]) -> CheckedRule:
    was = one.node.was
    holder = first.get(was.text) if was else None
    if was is None or holder is None or one.rule is None:
        return one
    where = place(holder.source, holder.node.name or syntax.Name("", span=holder.node.span))
    return _broken(one, errors.was_in_use(was.span, was.text, where))


def _broken(one: CheckedRule, finding: Finding) -> CheckedRule:
    return CheckedRule(one.source, one.node, None, (finding,))
