"""The help pages of diagnostic codes: what each means, a wrong and a right example."""
