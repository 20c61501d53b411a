"""A ruleset's folder: which files belong to it, and what tells one from another."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

CATALOG = "catalog.yaml"
MESSAGES = "messages/"
RULES = ".rules"

Files = Mapping[str, str]
"""Texts by their paths in the folder."""


def belongs(path: str) -> bool:
    """Whether a file is part of a ruleset; others (a README) may lie beside it."""
    return path == CATALOG or path.endswith(RULES) or path.startswith(MESSAGES)


def digest(files: Files) -> str:
    """SHA-256 (hex) of the paths and texts that make the ruleset, whatever order they come in."""
    sha = hashlib.sha256()
    for path in sorted(filter(belongs, files)):
        for part in (path, files[path]):
            encoded = part.encode("utf-8", "surrogateescape")
            sha.update(len(encoded).to_bytes(8, "big") + encoded)
    return sha.hexdigest()
