"""`carpe status`: how it stands, readable at three in the morning."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from engine.cli.context import console, database_option, json_option, opened, print_json, rules_option
from engine.clock import utc_now
from engine.config import Settings
from engine.reports.status import Status
from engine.reports.status import status as find_status
from engine.reports.status_wording import lines, sentence
from engine.rulebook import Rulebook


@click.command(epilog="Example: carpe status")
@database_option
@rules_option
@json_option
def status(database: str | None, rules: Path | None, as_json: bool) -> None:
    """Say what is done and what lags, who works, what waits and what is paused. Writes nothing."""
    settings = Settings.from_environment(database=database, rules=rules)
    live = Rulebook(settings.rules).live()
    with opened(settings) as store, store.read() as connection:
        found = find_status(connection, live.ruleset, utc_now(), live.trouble)
    if as_json:
        print_json(found.to_json())
    else:
        show(console(), found)


def show(out: Console, found: Status) -> None:
    """The sentence, then labels and lines side by side; a label is said once."""
    out.print(sentence(found), markup=False)
    before = ""
    for label, text in lines(found):
        out.print(f"{'' if label == before else label:<11} {text}", markup=False)
        before = label
