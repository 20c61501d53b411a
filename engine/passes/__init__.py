"""Passes: everything that is due and not done is matched, decided and written, a shard of customers at a time."""

from engine.passes.report import PassReport
from engine.passes.run import run_again, run_pass
from engine.passes.this_pass import Check, Progress
from engine.passes.work import due_day

__all__ = ["Check", "PassReport", "Progress", "due_day", "run_again", "run_pass"]
