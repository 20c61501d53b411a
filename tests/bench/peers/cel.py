"""cel-expr-python (Google's C++ CEL): each rule compiled once against declared types, called per rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cel_expr_python import cel

from tests.bench.peers.infix import Spelling, one_of
from tests.bench.plain import Event, Plain

CEL = Spelling(
    "&&",
    "||",
    "true",
    "false",
    {
        "in": lambda field, values: f"{field} in [{one_of(values)}]",
        "has": lambda field, value: f"'{value}' in {field}",
        "starts": lambda field, value: f"{field}.startsWith('{value}')",
    },
)
TEXTS = ("country", "plan", "mrr_currency", "currency", "page")
NUMBERS = ("date_of_birth", "started_on", "renews_on", "seats", "mrr")


def match_event(conditions: Sequence[Plain]) -> Event:
    """The numbers of the conditions that a row matches."""
    variables = dict.fromkeys(TEXTS, cel.Type.STRING) | dict.fromkeys(NUMBERS, cel.Type.INT)
    variables |= {"satisfaction": cel.Type.DOUBLE, "autopay": cel.Type.BOOL, "mrr_own": cel.Type.BOOL}
    env = cel.NewEnv(variables=variables | {"interests": cel.Type.List(cel.Type.STRING)})
    programs = [env.compile(CEL.text(condition)) for condition in conditions]

    def match(row: dict[str, Any]) -> list[int]:
        activation = env.Activation(row)
        return [number for number, program in enumerate(programs) if program.eval(activation).value()]

    return match
