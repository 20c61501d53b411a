"""The tour's made-up world: customers, their subscriptions and a year of events, the same for the same seed."""
