"""Where the example ruleset is: in the checkout, or where the wheel put its data."""

from __future__ import annotations

import sysconfig
from importlib import metadata
from pathlib import Path

from engine.errors import CarpeError

_INSTALLED = "share/carpe/rules/catalog.yaml"


class ExampleRulesMissing(CarpeError):
    """The example ruleset is not installed; install Carpe again, or name a folder of rules."""


def example_rules_folder() -> Path:
    """The folder with the example's catalog.yaml. Raises ExampleRulesMissing where the installation is not whole."""
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "setup.cfg").is_file() and (checkout / "rules" / "catalog.yaml").is_file():
        return checkout / "rules"
    for catalog in _installed_catalogs():
        if catalog.is_file():
            return catalog.parent
    raise ExampleRulesMissing


def _installed_catalogs() -> list[Path]:
    """Where the installer says that it put the catalog, then where the scheme of this Python puts data."""
    try:
        recorded = metadata.files("carpe") or []
    except metadata.PackageNotFoundError:
        recorded = []
    found = [Path(str(path.locate())).resolve() for path in recorded if path.as_posix().endswith(_INSTALLED)]
    return [*found, Path(sysconfig.get_path("data")) / _INSTALLED]
