"""A rule in plain English, from the typed rule: one sentence that says what it does, for whom and how."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from dsl.choices import Purpose
from dsl.condition_wording import a, day, plain, spaced
from dsl.datatypes import Unit
from dsl.printer import counted, number
from dsl.suggestions import listed
from dsl.typed import (
    Action,
    All,
    AmountOff,
    Arm,
    Call,
    FixedPrice,
    MomentUse,
    Offer,
    PercentOff,
    Price,
    Rule,
    Say,
    Tag,
    Window,
)

__all__ = ["moment_words", "plain", "sentence"]


def sentence(rule: Rule) -> str:
    """The rule as one sentence: "On every birthday, if country is US, offer premium via email."."""
    parts = [listed([_moment(use) for use in rule.moments], "or")]
    if rule.condition != All(()):
        parts.append(f"if {plain(rule.condition)}")
    parts.extend(_done(rule))
    parts.extend(_clauses(rule))
    told = ", ".join(parts)
    return f"{told[0].upper()}{told[1:]}."


def moment_words(use: MomentUse) -> str:
    """`7 days before renewal`, `1 day after support_call`, `birthday`."""
    return f"{_distance(use)} {use.moment}".strip()


def _moment(use: MomentUse) -> str:
    occasion = day(use.date) if use.date else f"every {spaced(use.moment)}"
    return f"{_distance(use) or 'on'} {occasion}"


def _distance(use: MomentUse) -> str:
    if use.delay:
        return f"{_delay(use.delay)} after"
    if use.offset == 0:
        return ""
    return f"{counted(abs(use.offset), Unit.DAYS)} {'before' if use.offset < 0 else 'after'}"


def _delay(delay: dt.timedelta) -> str:
    hours = delay // dt.timedelta(hours=1)
    return counted(hours // 24, "days") if hours % 24 == 0 else counted(hours, "hours")


# --- what it does -----------------------------------------------------------------------------------------------------


def _done(rule: Rule) -> Iterator[str]:
    """What is sent, through which channels, and what is noted of the customer; then the arms of its experiment."""
    via = f" via {listed([spaced(channel) for channel in rule.via])}" if rule.via else ""
    if rule.actions:
        yield _actions(rule.actions, via)
    if rule.split:
        yield listed([_arm(arm, via) for arm in rule.split])


def _actions(actions: Sequence[Action], via: str) -> str:
    sent = [_action(action) for action in actions if isinstance(action, Offer | Say)]
    noted = [_action(action) for action in actions if not isinstance(action, Offer | Say)]
    return listed([f"{listed(sent)}{via}", *noted] if sent else noted)


def _arm(arm: Arm, via: str) -> str:
    name = spaced(arm.name.removeprefix("arm_"))
    return f"for {number(arm.share)}% of customers (arm {name}) {_actions(arm.actions, via)}"


def _action(action: Action) -> str:
    match action:
        case Offer():
            return _offer(action)
        case Say(message):
            return f"say {message}" if message.startswith('"') else f"say the message {spaced(message)}"
        case Tag(tag, True):
            return f"tag the customer {tag}"
        case Tag(tag):
            return f"remove the tag {tag}"
        case Call(task):
            return f"call the task {spaced(task)}"


def _offer(offer: Offer) -> str:
    """`offer premium at 20% off for 3 months with 1 month free and the add-on backup`."""
    products = listed([spaced(one) for one in offer.products])
    told = f"offer {'the best of ' if len(offer.products) > 1 else ''}{products}"
    if offer.price is not None:
        told += f" at {_price(offer.price)}"
    given = [f"{counted(offer.free_months, Unit.MONTHS)} free"] if offer.free_months else []
    given.extend(f"the add-on {spaced(extra)}" for extra in offer.extras)
    return f"{told} with {listed(given)}" if given else told


def _price(price: Price) -> str:
    term = f" for {counted(price.months, Unit.MONTHS)}" if price.months else ""
    match price:
        case PercentOff(percent):
            return f"{number(percent)}% off{term}"
        case AmountOff(amount):
            return f"{amount} off{term}"
        case FixedPrice(amount):
            return f"{amount}{term}"


# --- how it does it ---------------------------------------------------------------------------------------------------


def _clauses(rule: Rule) -> Iterator[str]:
    if rule.purpose is Purpose.SERVICE:
        yield "as a service message"
    if rule.worth:
        yield f"counted as worth {rule.worth}"
    if rule.starts or rule.ends:
        yield _dates(rule.starts, rule.ends)
    if rule.at_most_once:
        yield f"at most once {_per(rule.at_most_once)} for each customer"
    for cap in rule.customers_caps:
        yield f"for at most {counted(cap.count, 'customers')} per {cap.per.removesuffix('s')}"
    for budget in rule.budgets:
        yield f"within a budget of {budget.amount} per {budget.per.removesuffix('s')}"
    if rule.hold_out:
        yield f"holding out {number(rule.hold_out)}% of customers"
    if rule.expires:
        yield f"expiring after {_span(rule.expires)}"
    if rule.goal:
        yield f"with {a(spaced(rule.goal.moment))} within {_span(rule.goal.within)} as the goal"
    if rule.catch_up:
        within = rule.catch_up.within
        yield f"catching up within {_span(within)}" if within else "never catching up"
    if rule.priority:
        yield f"with priority {rule.priority}"


def _dates(starts: dt.date | None, ends: dt.date | None) -> str:
    told = [f"from {day(starts)}"] if starts else []
    return " ".join([*told, f"until {day(ends)}"] if ends else told)


def _span(window: Window) -> str:
    return counted(window.count, window.unit)


def _per(window: Window) -> str:
    return f"per {window.unit.removesuffix('s') if window.count == 1 else _span(window)}"
