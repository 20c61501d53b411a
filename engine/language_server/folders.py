"""The ruleset that an open file belongs to: the texts on disk, under those that are open in the editor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dsl.folder import CATALOG
from engine.errors import CarpeError
from engine.rule_files import read_files


@dataclass(slots=True)
class Folder:
    """`disk` and `opened` have texts by their paths in the folder, `uris` how the editor calls the open ones."""

    root: Path
    disk: dict[str, str] = field(default_factory=dict)
    opened: dict[str, str] = field(default_factory=dict)
    uris: dict[str, str] = field(default_factory=dict)

    @property
    def files(self) -> Mapping[str, str]:
        return {**self.disk, **self.opened}

    def read(self) -> None:
        """Look at the disk again. A folder that is no ruleset yet has only what is open."""
        try:
            self.disk = read_files(self.root)
        except CarpeError:
            self.disk = {}

    def open(self, path: str, uri: str, text: str) -> None:
        self.opened[path], self.uris[path] = text, uri

    def close(self, path: str) -> None:
        self.opened.pop(path, None)
        self.uris.pop(path, None)

    def uri(self, path: str) -> str:
        return self.uris.get(path) or (self.root / path).as_uri()


class Folders:
    """Every ruleset of which a file was opened."""

    def __init__(self) -> None:
        self.known: dict[Path, Folder] = {}

    def of(self, file: Path) -> tuple[Folder, str]:
        """The folder of a file and the file's path in it: the nearest parent that has a catalog, else its own."""
        parents = [file.parent] if file.name == CATALOG else list(file.parents)
        root = next((parent for parent in parents if (parent / CATALOG).is_file()), file.parent)
        if root not in self.known:
            self.known[root] = Folder(root)
            self.known[root].read()
        return self.known[root], file.relative_to(root).as_posix()
