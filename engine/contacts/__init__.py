"""Contact policy: may this customer be met now, on which channels, and when. Columns in, columns out.

Batches, single events and the check before a delivery is sent call the same `check`.
"""
