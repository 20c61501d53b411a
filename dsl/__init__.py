"""The rule language: text → tree → typed rule. Pure: no clock, no database, no network."""
