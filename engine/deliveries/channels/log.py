"""A channel that only writes a line: what stands in for e-mail or a webhook until one is configured."""

from __future__ import annotations

import logging

from engine.deliveries.channels import Outgoing

_log = logging.getLogger("carpe.deliveries")


class Log:
    """The line names delivery, channel and customer; the text may be personal and stays out of it."""

    keeps_text = False

    def send(self, message: Outgoing) -> None:
        _log.info("delivery %d by %s to customer %s", message.delivery, message.channel, message.customer_id)
