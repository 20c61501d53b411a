"""A channel into the business's own app or agent screen, which fetches its messages from here."""

from __future__ import annotations

from engine.deliveries.channels import Outgoing


class InApp:
    """Nothing leaves: the delivery that is marked sent, with its text, is the message in the customer's inbox.

    So an in-app message arrives exactly once: being there and being marked are one write.
    """

    keeps_text = True

    def send(self, message: Outgoing) -> None:
        """The outbox keeps the rendered text with the mark."""
