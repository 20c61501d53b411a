"""Where forms of matching once differed, as files that stay: a condition, a row and a day in tests/golden/agreement.

JSON, so that a person can read it: a dataclass is an object with its name under "is", other values that JSON lacks are
{"is": "date", "as": "2024-02-29"} and their like.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

from dsl import catalog, datatypes, typed
from dsl.datatypes import Value
from dsl.typed import Condition
from engine.matching.interpreter import holds
from engine.matching.plan import Plan
from tests.strategies import make_batch

FOLDER = Path(__file__).parent / "golden" / "agreement"

_ENUMS: dict[str, type[Enum]] = {one.__name__: one for one in (catalog.Owner, datatypes.Kind, datatypes.Unit)}


@dataclass(frozen=True)
class Case:
    """A row that a condition holds of in some forms and not in others, on a local day."""

    today: dt.date
    condition: Condition
    row: dict[str, Value]

    def answers(self) -> dict[str, bool]:
        """What each form says."""
        plan, many = Plan([self.condition]), 65
        batch = make_batch([self.row] * many, plan.attributes)
        return {
            "reference": holds(self.condition, self.row, self.today) is True,
            "event": bool(plan.match_row(self.row, self.today)),
            "batch": plan.match_batch(batch, self.today).num_rows == many,
            "batch with dictionaries": plan.match_batch(
                make_batch([self.row] * many, plan.attributes, plainly=False), self.today
            ).num_rows
            == many,
        }

    def differs(self) -> bool:
        return len(set(self.answers().values())) > 1

    def smallest(self) -> Case:
        """The same without the values of the row that do not matter."""
        for key in self.row:
            fewer = Case(self.today, self.condition, {k: v for k, v in self.row.items() if k != key})
            if fewer.differs():
                return fewer.smallest()
        return self


def save(case: Case, folder: Path = FOLDER) -> Path:
    """Writes the case under a name of its own."""
    document = {"today": encoded(case.today), "condition": encoded(case.condition), "row": encoded(case.row)}
    text = json.dumps(document, indent=1, ensure_ascii=True) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:12]}.json"
    path.write_text(text)
    return path


def load(path: Path) -> Case:
    found = json.loads(path.read_text())
    return Case(*(decoded(found[name]) for name in ("today", "condition", "row")))


def encoded(value: Any) -> Any:
    match value:
        case Enum():
            return {"is": type(value).__name__, "as": value.value}
        case Decimal() | dt.date():
            return {"is": type(value).__name__, "as": str(value)}
        case frozenset():
            return {"is": "frozenset", "as": sorted(value)}
        case tuple():
            return [encoded(one) for one in value]
        case dict():
            return {key: encoded(one) for key, one in value.items()}
        case _ if dataclasses.is_dataclass(value):
            kept = [one.name for one in dataclasses.fields(value) if one.compare]
            return {"is": type(value).__name__} | {name: encoded(getattr(value, name)) for name in kept}
    return value


def decoded(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(decoded, value))
    if not isinstance(value, dict):
        return value
    match value.get("is"):
        case None:
            return {key: decoded(one) for key, one in value.items()}
        case "Decimal":
            return Decimal(value["as"])
        case "date":
            return dt.date.fromisoformat(value["as"])
        case "frozenset":
            return frozenset(value["as"])
        case name if name in _ENUMS:
            return _ENUMS[name](value["as"])
        case name:
            made = getattr(typed, name, None) or getattr(datatypes, name)
            return made(**{key: decoded(one) for key, one in value.items() if key != "is"})
