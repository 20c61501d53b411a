"""What happened before: events, meters and earlier decisions as columns of a batch, exact to the boundary."""
