"""From decisions to deliveries: an outbox, rendered messages and the channels that carry them."""
