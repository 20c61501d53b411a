"""The life of an offer: what was promised to whom, and what became of it."""
