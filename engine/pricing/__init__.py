"""What an offer costs and is worth: pure arithmetic on the catalog's prices, exact until a bill is rounded, once."""
