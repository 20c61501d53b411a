"""The same calls on another date, another ruleset or another batch, stopped before anything is written."""
