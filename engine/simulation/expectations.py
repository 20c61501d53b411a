"""What a test expects against what came, each in the words of the language."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dsl.printer import counted, money, number
from dsl.typed import Action, AmountOff, Call, FixedPrice, Offer, PercentOff, Price, Rule, Say, Tag
from dsl.typed_tests import (
    Expectation,
    ExpectedAbsence,
    ExpectedMessage,
    ExpectedNothing,
    ExpectedOffer,
    ExpectedRule,
    ExpectedTag,
    Outcome,
)


@dataclass(frozen=True, slots=True)
class Done:
    """One rule that matched: what it does with the product it proposes, or why it was `held`."""

    rule: str
    actions: tuple[Action, ...]
    product: str | None
    held: str | None
    contact: bool

    def sentence(self) -> str:
        """`offer premium at 20% off, say hello (rule yearly)`."""
        if self.held:
            return f"{self.rule} was held, because {self.held}"
        return f"{', '.join(spelled(action, self.product) for action in self.actions)} (rule {self.rule})"


@dataclass(frozen=True, slots=True)
class Came:
    """Everything that matched; `nobody` says why nothing could."""

    done: tuple[Done, ...]
    nobody: str | None = None

    @property
    def free(self) -> tuple[Done, ...]:
        return tuple(one for one in self.done if one.held is None)

    @property
    def contact(self) -> Done | None:
        """The rule that won the occasion."""
        return next((one for one in self.free if one.contact), None)

    def sentence(self) -> str:
        told = "; ".join(one.sentence() for one in self.done) or "nothing: no rule of this moment matches"
        return f"nothing: {self.nobody}" if self.nobody else told


@dataclass(frozen=True, slots=True)
class Failure:
    """An expectation that was not met, in the author's words, and what came instead."""

    expected: str
    came: str


def failures(expect: Sequence[Expectation], came: Came) -> tuple[Failure, ...]:
    """The expectations that were not met."""
    found = ((one, _met(one.outcome, came)) for one in expect)
    return tuple(Failure(one.text, _instead(one.outcome, came)) for one, met in found if not met)


def _met(outcome: Outcome, came: Came) -> bool:
    match outcome:
        case ExpectedOffer(offer):
            return came.contact is not None and _is_offer(offer, came.contact)
        case ExpectedMessage(message):
            return came.contact is not None and Say(message) in came.contact.actions
        case ExpectedTag(tag):
            return any(Tag(tag) in one.actions for one in came.free)
        case ExpectedRule(rule):
            return any(one.rule == rule for one in came.free)
        case ExpectedAbsence(rule):
            return all(one.rule != rule for one in came.done)
        case ExpectedNothing():
            return came.contact is None


def _is_offer(expected: Offer, done: Done) -> bool:
    """The product, and whatever else the author names."""
    offer = next((action for action in done.actions if isinstance(action, Offer)), None)
    return (
        offer is not None
        and done.product in expected.products
        and expected.price in (None, offer.price)
        and expected.free_months in (0, offer.free_months)
        and (not expected.extras or set(expected.extras) == set(offer.extras))
    )


def _instead(outcome: Outcome, came: Came) -> str:
    """What came, of the part that the expectation is about."""
    if isinstance(outcome, ExpectedRule | ExpectedAbsence):
        own = [one for one in came.done if one.rule == outcome.rule]
        return own[0].sentence() if own else came.sentence()
    if isinstance(outcome, ExpectedNothing) and came.contact:
        return came.contact.sentence()
    return came.sentence()


# --- which rules a failure is about -----------------------------------------------------------------------------------


def about(expect: Sequence[Expectation], rules: Sequence[Rule], came: Came) -> tuple[str, ...]:
    """The names of the rules that could have met the expectations, and of those that matched."""
    matched = {one.rule for one in came.done}
    return tuple(
        rule.name for rule in rules if rule.name in matched or any(_could(one.outcome, rule) for one in expect)
    )


def _could(outcome: Outcome, rule: Rule) -> bool:
    actions = [*rule.actions, *(action for arm in rule.split for action in arm.actions)]
    match outcome:
        case ExpectedOffer(expected):
            offered = [action.products for action in actions if isinstance(action, Offer)]
            return any(set(expected.products) & set(products) for products in offered)
        case ExpectedMessage(message):
            return Say(message) in actions
        case ExpectedTag(tag):
            return Tag(tag) in actions
        case ExpectedRule(name) | ExpectedAbsence(name):
            return rule.name == name
        case ExpectedNothing():
            return False


# --- wording ---------------------------------------------------------------------------------------------------------


def spelled(action: Action, product: str | None) -> str:
    """An action as the language has it; an offer with the product that was chosen."""
    match action:
        case Offer():
            return " ".join(_offer(action, product))
        case Say(message):
            return f"say {message}"
        case Tag(tag, add):
            return f"{'tag' if add else 'untag'} {tag}"
        case Call(task):
            return f"call {task}"


def _offer(offer: Offer, product: str | None) -> Iterator[str]:
    yield f"offer {product or offer.products[0]}"
    if offer.price is not None:
        yield f"at {_price(offer.price)}"
    if offer.free_months:
        yield f"with {counted(offer.free_months, 'months')} free"
    for extra in offer.extras:
        yield f"with {extra}"


def _price(price: Price) -> str:
    term = f" for {counted(price.months, 'months')}" if price.months else ""
    match price:
        case PercentOff(percent):
            return f"{number(percent)}% off{term}"
        case AmountOff(amount):
            return f"{money(amount.amount, amount.currency)} off{term}"
        case FixedPrice(amount):
            return f"{money(amount.amount, amount.currency)}{term}"
