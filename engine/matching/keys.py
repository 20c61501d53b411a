"""Keys: under which name a batch and a row of state have a value.

An attribute's is `subscription.plan`. A term of what happened before has a column of its own, named by the term written
out (`CountOf(Events('support_call', All(()), Window(30, 'days')))`): equal terms have equal keys in every process, and
no attribute is called so, for their names have no parentheses.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Hashable
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from functools import lru_cache
from typing import Any

from dsl.typed import Attribute, Historic


def key_of(term: Attribute | Historic) -> str:
    """The name of the term's column."""
    return term.key if isinstance(term, Attribute) else _key_of(term)


@lru_cache(maxsize=4096)
def _key_of(term: Hashable) -> str:
    return written(term)


def written(value: Any) -> str:
    """A value as text, the same for all that are equal: 1, 1.0 and Decimal(1) are, positions in a file do not count."""
    match value:
        case Enum():
            return repr(value.value)
        case int() | float() | Decimal():
            return str(Fraction(value))
        case dt.date():
            return value.isoformat()
        case tuple():
            return f"({', '.join(written(each) for each in value)})"
        case frozenset():
            return f"{{{', '.join(sorted(written(each) for each in value))}}}"
        case _ if dataclasses.is_dataclass(value):
            parts = [getattr(value, one.name) for one in dataclasses.fields(value) if one.compare]
            return f"{type(value).__name__}({', '.join(written(each) for each in parts)})"
    return repr(value)
