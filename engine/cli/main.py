"""`carpe`: the table of its commands, and what becomes of an error."""

from __future__ import annotations

import logging
import sys

import click

from engine.cli.asking import decisions, preview
from engine.cli.checking import check
from engine.cli.database import db_group
from engine.cli.distributing import load_decisions, snapshot
from engine.cli.erasing import forget
from engine.cli.explaining import explain
from engine.cli.formatting import format_command
from engine.cli.helping import help_command
from engine.cli.importing import import_group
from engine.cli.linting import lint
from engine.cli.offering import offers
from engine.cli.pausing import pause, resume
from engine.cli.running import rerun, run, scheduler
from engine.cli.serving import serve, token, user
from engine.cli.serving_language import lsp
from engine.cli.starting import init
from engine.cli.testing import test
from engine.cli.touring import demo
from engine.cli.watching import status
from engine.errors import CarpeError

FINE, FINDINGS, USAGE = 0, 1, 2
INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="carpe")
@click.option("--verbose", is_flag=True, help="Say more on stderr.")
def cli(verbose: bool) -> None:
    """Carpe: one readable sentence for each revenue moment.

    Exit codes: 0 fine, 1 findings (errors in rules, refused rows), 2 usage or a condition that stops the command.
    """
    level = logging.INFO if verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a long tick is no warning


for command in (
    init,
    check,
    help_command,
    format_command,
    lint,
    test,
    import_group,
    run,
    rerun,
    snapshot,
    load_decisions,
    status,
    pause,
    resume,
    preview,
    decisions,
    offers,
    explain,
    serve,
    lsp,
    scheduler,
    demo,
    forget,
    user,
    token,
    db_group,
):
    cli.add_command(command)


def main() -> None:
    """Run, and end with one sentence where something stands in the way."""
    try:
        code = cli.main(standalone_mode=False)
    except CarpeError as error:
        code = _say(str(error))
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        code = FINE
    sys.exit(code if isinstance(code, int) else FINE)


def _say(sentence: str) -> int:
    click.echo(f"carpe: {sentence}", err=True)
    return USAGE
