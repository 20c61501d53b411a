"""From matches to decisions: who may have what, which candidate wins, and why the others do not."""
