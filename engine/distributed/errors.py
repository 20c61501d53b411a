"""What stands in the way of a run on many machines, one sentence each."""

from __future__ import annotations

from engine.errors import CarpeError


class SparkMissing(CarpeError):
    """This needs Spark, which is not installed: run `pip install 'carpe[spark]'`."""


class JavaMissing(CarpeError):
    """Spark needs Java 17 or later, and none is found: run `apt-get install openjdk-17-jre-headless`."""


class SnapshotMissing(CarpeError):
    """There is no finished snapshot there."""

    def __init__(self, path: str) -> None:
        super().__init__(f"There is no finished snapshot in {path}: `carpe snapshot --out {path}` makes one.")


class ResultsMissing(CarpeError):
    """There are no finished results there."""

    def __init__(self, path: str) -> None:
        super().__init__(f"There are no finished decisions in {path}: `carpe run --engine spark` writes them.")


class FolderTaken(CarpeError):
    """Something lies there already."""

    def __init__(self, path: str) -> None:
        super().__init__(f"There is something in {path} already: name a folder that is new or empty.")


class AnotherFormat(CarpeError):
    """Another version of Carpe wrote it."""

    def __init__(self, path: str) -> None:
        super().__init__(f"What is in {path} was written by another version of Carpe: write it again with this one.")


class AnotherCatalog(CarpeError):
    """The snapshot was made with another catalog."""

    def __init__(self) -> None:
        super().__init__("The snapshot was made with another catalog than that of these rules: take a new snapshot.")


class AnotherRuleset(CarpeError):
    """The decisions were made by other rules."""

    def __init__(self) -> None:
        super().__init__("These decisions were made by other rules than those in this folder: decide the day again.")


class AsksTheStore(CarpeError):
    """Rules take of what everybody shares."""

    def __init__(self, rules: tuple[str, ...]) -> None:
        named = ", ".join(rules[:3]) + (" and others" if len(rules) > 3 else "")
        super().__init__(f"Budgets and limits need the store at hand ({named}): decide the day with `carpe run`.")


class SparkFailed(CarpeError):
    """Spark gave up."""

    def __init__(self, said: str) -> None:
        super().__init__(f"Spark could not finish the run ({said}); nothing of it counts, so it can be started again.")
