"""`carpe check`: what is wrong with a folder of rules, and what of it can be mended at once."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import click

from dsl.diagnostics import Diagnostic, Fix
from dsl.fixes import apply, fixable
from engine.cli.context import json_option, print_json
from engine.cli.sarif import sarif
from engine.config import Settings
from engine.rule_files import digest, save
from engine.rulebook import Loaded, load

# A declaration tells its first mistake; the next one shows when that is mended.
_ROUNDS = 20


@click.command(epilog="Example: carpe check rules --fix")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--strict", is_flag=True, help="Exit 1 for warnings too.")
@click.option("--fix", is_flag=True, help="First write what has only one safe way to be mended, and say what changed.")
@click.option("--sarif", "as_sarif", is_flag=True, help="Print SARIF 2.1.0, which code hosts read.")
@json_option
@click.pass_context
def check(ctx: click.Context, folder: Path | None, strict: bool, fix: bool, as_sarif: bool, as_json: bool) -> None:
    """Check every rule of FOLDER (default: rules) and show what is wrong, all in one go.

    `carpe help CODE` says what the code of a finding means.
    """
    if as_json and as_sarif:
        raise click.UsageError("--json and --sarif are two formats of the same; choose one.")
    settings = Settings.from_environment(rules=folder)
    loaded = load(settings.rules)
    if fix:
        loaded = _mended(loaded, settings.rules, quiet=as_json or as_sarif)
    if as_json:
        print_json([each.to_json() for each in loaded.diagnostics])
    elif as_sarif:
        print_json(sarif(loaded.diagnostics, version("carpe")))
    else:
        for each in loaded.diagnostics:
            click.echo(each.render() + "\n")
        click.echo(_summary(loaded))
    found = [each for each in loaded.diagnostics if each.is_error or (strict and each.severity == "warning")]
    ctx.exit(1 if found else 0)


def _mended(loaded: Loaded, folder: Path, *, quiet: bool) -> Loaded:
    """The folder after its fixes are written, as often as mending one mistake shows another that can be mended."""
    for _ in range(_ROUNDS):
        done = [each for path in loaded.files for each in _mend(loaded, folder, path)]
        if not done:
            break
        for each in done:
            click.echo(_told(each), err=quiet)
        loaded = load(folder)
    return loaded


def _mend(loaded: Loaded, folder: Path, path: str) -> list[Diagnostic]:
    """Write one file's fixes; those of other files than rules are left to their authors."""
    found = fixable(loaded.diagnostics, path) if path.endswith(".rules") else []
    if not found:
        return []
    text = loaded.files[path]
    save(folder, path, apply(text, [each.fix for each in found if each.fix]), digest(text))
    return found


def _told(diagnostic: Diagnostic) -> str:
    at = diagnostic.source.position(diagnostic.span.start)
    assert diagnostic.fix is not None
    return f"{diagnostic.source.path}:{at.line}: {_edit(diagnostic, diagnostic.fix)} [{diagnostic.code}]"


def _edit(diagnostic: Diagnostic, fix: Fix) -> str:
    old, new = diagnostic.source.slice(fix.span).strip(), fix.text.strip()
    if not old:
        return f"put in {new}"
    return f"{old} became {new}" if new else f"took out {old}"


def _summary(loaded: Loaded) -> str:
    rules = len(loaded.ruleset.rules) if loaded.ruleset else 0
    counts = [
        f"{number} {severity}{'s' * (number != 1)}"
        for severity in ("error", "warning", "info")
        if (number := sum(each.severity == severity for each in loaded.diagnostics)) or severity == "error"
    ]
    return f"{rules} {'rule is' if rules == 1 else 'rules are'} right; {', '.join(counts)}."
