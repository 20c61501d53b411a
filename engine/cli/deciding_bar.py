"""How far a pass is: a bar on a terminal, a line now and then where nobody watches; both on stderr."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from engine import passes

SECONDS_APART = 10.0
"""Between lines: what takes no longer is told when it is done."""


@contextmanager
def progress_bar(*, quiet: bool = False) -> Iterator[passes.Progress]:
    """Tells batches, occurrences, their rate and the time left while a pass runs."""
    screen = Console(stderr=True)
    watched = screen.is_terminal
    what = TextColumn("{task.description}")
    columns = (what, BarColumn(), MofNCompleteColumn(), _Occurrences(), TimeRemainingColumn())
    with Progress(*columns, console=screen, disable=quiet or not watched, transient=True) as bar:
        task = bar.add_task("Deciding", total=None, rows=0)
        told = Lines(lambda text: None if quiet or watched else screen.print(text, highlight=False))

        def tell(done: int, total: int, rows: int = 0) -> None:
            bar.update(task, completed=done, total=total, rows=rows)
            told.tell(done, total, rows, bar.tasks[0].elapsed or 0.0)

        yield tell


class _Occurrences(ProgressColumn):
    """How many moments were met, and how many a second since the pass began."""

    def render(self, task: Task) -> Text:
        rows = task.fields["rows"]
        return Text(f"{rows:,} met{_rate(rows, task.elapsed or 0.0)}" if rows else "")


class Lines:
    """A line each `SECONDS_APART`, given to `say`."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say, self._last = say, 0.0

    def tell(self, done: int, total: int, rows: int, seconds: float) -> None:
        """What is done of all batches, `seconds` after the beginning."""
        if seconds - self._last < SECONDS_APART or done >= total:
            return
        self._last = seconds
        left = f", about {seconds / done * (total - done):,.0f} s left" if done else ""
        self._say(f"Deciding: {done:,} of {total:,} batches, {rows:,} moments met{_rate(rows, seconds)}{left}.")


def _rate(rows: int, seconds: float) -> str:
    return f", {rows / seconds:,.0f}/s" if rows and seconds else ""
