"""What a rule does: offers, messages, tags; prices, calls and experiments are looked through and come later."""

from __future__ import annotations

from decimal import Decimal

from dsl import check_errors as errors
from dsl import syntax
from dsl.check_errors import Finding, Wrong
from dsl.later import check_product
from dsl.messages import Message, check_variables, inline_message
from dsl.names import Scope
from dsl.source import Source
from dsl.typed import Action, Offer, Say, Tag


class Actions:
    """Checks the actions of one rule. `inline` collects the messages that it says in its own words."""

    def __init__(self, scope: Scope, source: Source) -> None:
        self.scope = scope
        self.source = source
        self.inline: dict[str, Message] = {}

    def check(self, nodes: tuple[syntax.Action, ...]) -> tuple[Action, ...]:
        offers = [node for node in nodes if isinstance(node, syntax.Offer)]
        found = tuple(self.action(node) for node in nodes)
        if len(offers) > 1:
            raise Wrong(errors.two_offers(offers[1].span))
        return found

    def action(self, node: syntax.Action) -> Action:
        match node:
            case syntax.Offer():
                return self.offer(node)
            case syntax.Say():
                return self.say(node)
            case syntax.Tag(tag):
                return Tag(tag.text)
            case syntax.Untag(tag):
                return Tag(tag.text, add=False)
            case syntax.Call(task):
                tasks = list(self.scope.catalog.tasks)
                if task.text not in tasks:
                    raise Wrong(errors.unknown_of_kind(task.span, task.written or task.text, "task", tasks))
                raise Wrong(errors.not_available(node.span, "calling a task is"))

    # --- offers

    def offer(self, node: syntax.Offer) -> Offer:
        products: list[str] = []
        for name in node.products:
            if check_product(self.scope, name) in products:
                raise Wrong(errors.product_twice(name.span, name.text))
            products.append(name.text)
        if node.price is not None:
            self.price(node.price)
        for extra in node.extras:
            addons = list(self.scope.catalog.addons)
            if extra.text not in addons:
                raise Wrong(errors.unknown_of_kind(extra.span, extra.written or extra.text, "add-on", addons))
            raise Wrong(errors.not_available(extra.span, "an add-on given with an offer is"))
        if node.free is not None:
            raise Wrong(errors.not_available(node.free.span, "a free period is"))
        return Offer(tuple(products))

    def price(self, price: syntax.Price) -> None:
        largest = self.scope.catalog.policies.largest_discount
        if isinstance(price, syntax.PercentOff):
            if price.percent.value > 100:
                raise Wrong(errors.too_large_discount(price.percent.span))
            if largest is not None and price.percent.value > largest:
                self.scope.notes.append(errors.over_policy(price.percent.span, largest))
        raise Wrong(errors.not_available(price.span, "a price in an offer is"))

    # --- messages

    def say(self, node: syntax.Say) -> Say:
        if isinstance(node.message, syntax.Text):
            return self.say_inline(node.message)
        name, words = node.message, self.scope.words
        if name.text in words.broken_messages:
            raise Wrong(errors.broken_message(name.span, name.text, words.broken_messages[name.text]))
        if name.text not in words.messages:
            raise Wrong(errors.unknown_message(name.span, name.written or name.text, list(words.messages)))
        self.note_foreign_properties(name, words.messages[name.text])
        return Say(name.text)

    def note_foreign_properties(self, name: syntax.Name, message: Message) -> None:
        """A message may read properties of events that other rules meet; at this rule's moments they are empty."""
        properties = {f"event.{one}" for moment in self.scope.moments for one in moment.properties}
        for variable in sorted(message.variables):
            if variable.startswith("event.") and variable not in properties:
                self.scope.notes.append(errors.foreign_property(name.span, name.text, variable))

    def say_inline(self, text: syntax.Text) -> Say:
        if not text.value.strip():
            raise Wrong(errors.empty_text(text.span))
        message, problems = inline_message(self.source, text.span, text.value)
        if message is None:
            first = problems[0]
            raise Wrong(Finding(first.code, first.severity, first.message, first.span, first.hint))
        properties = {name for moment in self.scope.moments for name in moment.properties}
        for warning in check_variables(message, self.scope.catalog, properties):
            self.scope.notes.append(
                Finding(warning.code, warning.severity, warning.message, warning.span, warning.hint)
            )
        self.inline[message.name] = message
        return Say(message.name)

    # --- experiments

    def refuse_split(self, split: syntax.Split) -> None:
        """Checks the arms, then says that experiments come later."""
        for arm in split.arms:
            if arm.share.value > 100:
                raise Wrong(errors.share_range(arm.share.span))
        total = sum((arm.share.value for arm in split.arms), Decimal(0))
        if total > 100:
            raise Wrong(errors.shares_too_large(split.arms[-1].share.span, total))
        for arm in split.arms:
            self.check(arm.actions)
        raise Wrong(errors.not_available(split.span, "an experiment is"))
