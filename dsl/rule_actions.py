"""What a rule does: offers with their prices, messages, tags and tasks."""

from __future__ import annotations

from dsl import check_errors as errors
from dsl import syntax
from dsl.check_errors import Finding, Wrong
from dsl.events_and_meters import find_product
from dsl.messages import Message, check_variables, inline_message
from dsl.names import Scope
from dsl.prices import check_price, months
from dsl.source import Source
from dsl.typed import Action, Call, Offer, Say, Tag


class Actions:
    """Checks the actions of one rule. `inline` collects the messages that it says in its own words."""

    def __init__(self, scope: Scope, source: Source) -> None:
        self.scope = scope
        self.source = source
        self.inline: dict[str, Message] = {}

    def check(self, nodes: tuple[syntax.Action, ...], *, offered: bool = False) -> tuple[Action, ...]:
        """The actions in order. `offered` tells that an offer is made beside these. Raises Wrong."""
        found = []
        for node in nodes:
            found.append(self.action(node))
            if isinstance(node, syntax.Offer):
                if offered:
                    raise Wrong(errors.two_offers(node.span))
                offered = True
        return tuple(found)

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
                return Call(task.text)

    # --- offers

    def offer(self, node: syntax.Offer) -> Offer:
        products: list[str] = []
        for name in node.products:
            if find_product(self.scope, name) in products:
                raise Wrong(errors.product_twice(name.span, name.text))
            products.append(name.text)
        price = check_price(self.scope, node.price, products) if node.price else None
        free = months(node.free) if node.free else 0
        return Offer(tuple(products), price, free, self.extras(node.extras, products))

    def extras(self, names: tuple[syntax.Name, ...], products: list[str]) -> tuple[str, ...]:
        """Add-ons given with an offer: each supported by every plan that may be offered."""
        catalog = self.scope.catalog
        found: list[str] = []
        for name in names:
            if name.text in catalog.plans:
                raise Wrong(errors.plan_as_extra(name.span, name.text))
            if name.text not in catalog.addons:
                addons = list(catalog.addons)
                raise Wrong(errors.unknown_of_kind(name.span, name.written or name.text, "add-on", addons))
            if name.text in (*found, *products):
                raise Wrong(errors.product_twice(name.span, name.text))
            needs = catalog.addons[name.text].needs
            unfit = [one for one in products if one in catalog.plans and needs and one not in needs]
            if unfit:
                raise Wrong(errors.addon_needs(name.span, name.text, needs, unfit))
            found.append(name.text)
        return tuple(found)

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
