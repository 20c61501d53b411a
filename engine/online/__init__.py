"""Events decided as they come: one customer's state read at once, all that callers wait for written by one commit."""
