"""Experiments: who is in which arm, for good, and whether the arms came out as large as they should."""
