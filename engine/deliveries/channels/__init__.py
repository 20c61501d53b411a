"""How a message leaves: a channel is one short class with `send`, and one exception, permanent or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A rendered message for one customer. `delivery` is its number: a channel may use it to send no message twice."""

    delivery: int
    channel: str
    customer_id: str
    subject: str
    body: str


class Undeliverable(Exception):
    """The message did not leave. `permanent`: trying again cannot help."""

    def __init__(self, reason: str, *, permanent: bool) -> None:
        super().__init__(reason)
        self.reason, self.permanent = reason, permanent


class Channel(Protocol):
    """`keeps_text`: the delivery keeps the message as the customer reads it, because it is read from there."""

    keeps_text: bool

    def send(self, message: Outgoing) -> None:
        """Hand the message over, or raise Undeliverable."""
