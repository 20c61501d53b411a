"""`carpe check`: what is wrong with a folder of rules."""

from __future__ import annotations

from pathlib import Path

import click

from engine.cli.context import json_option, print_json
from engine.config import Settings
from engine.rulebook import Loaded, load


@click.command(epilog="Example: carpe check rules")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--strict", is_flag=True, help="Exit 1 for warnings too.")
@json_option
@click.pass_context
def check(ctx: click.Context, folder: Path | None, strict: bool, as_json: bool) -> None:
    """Check every rule of FOLDER (default: rules) and show what is wrong, all in one go."""
    settings = Settings.from_environment(rules=folder)
    loaded = load(settings.rules)
    if as_json:
        print_json([each.to_json() for each in loaded.diagnostics])
    else:
        for each in loaded.diagnostics:
            click.echo(each.render() + "\n")
        click.echo(_summary(loaded))
    found = [each for each in loaded.diagnostics if each.is_error or (strict and each.severity == "warning")]
    ctx.exit(1 if found else 0)


def _summary(loaded: Loaded) -> str:
    rules = len(loaded.ruleset.rules) if loaded.ruleset else 0
    counts = [
        f"{number} {severity}{'s' * (number != 1)}"
        for severity in ("error", "warning", "info")
        if (number := sum(each.severity == severity for each in loaded.diagnostics)) or severity == "error"
    ]
    return f"{rules} rules are right; {', '.join(counts)}."
