"""The template language of messages: Liquid, less everything that reads files or clocks, or grows without bound.

Limits: 64,000 characters a template, 30 levels of blocks, 10,000 turns of loops, 64,000 characters of variables set and
of text produced. Only the tags and filters listed here exist; `date` and the filters that make text longer are ours,
because the library's read the clock (`"now" | date`), pass any width to the C library or multiply without a bound.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import liquid
from liquid.ast import Node
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.output import OutputNode
from liquid.exceptions import FilterArgumentError, LiquidError
from liquid.expression import Expression
from liquid.filter import liquid_filter, string_filter
from liquid.undefined import is_undefined

from dsl.template_words import FILTERS, LIBRARY_FILTERS, MOST_CHARACTERS, TAGS, RenderingFailed

_INTERNAL_TAGS = ("content", "illegal", "output", "#")
_OPENING = re.compile(r"\{\{|\{%")
_DATE_FORMAT = re.compile(r"(?:[^%]|%[-_0^#]?[aAbBcdDeFgGhHIjlmMnpPrRStTuUVwWxXyYZ%])*")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a template; `tag` and `filter` name an unknown one. Offsets are in the template."""

    start: int
    end: int
    message: str = ""
    tag: str | None = None
    filter: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A variable as the template names it (`offer.price`) and where."""

    name: str
    start: int
    end: int


class _Environment(liquid.Environment):
    block_nesting_limit = 30
    context_depth_limit = 30
    loop_iteration_limit = 10_000
    local_namespace_limit = 64_000
    output_stream_limit = 64_000


# --- filters of our own -----------------------------------------------------------------------------------------------


@liquid_filter
def _date(value: object, form: object = "%-d %B %Y") -> str:
    """A date in a form of strftime's; what is no date stays as it is. There is no `now`."""
    if value is None or is_undefined(value):
        return ""
    day = value if isinstance(value, dt.date) else _parsed(str(value))
    if day is None:
        return str(value)
    if _DATE_FORMAT.fullmatch(str(form)) is None:
        raise FilterArgumentError(f"date cannot write {form}", token=None)
    return day.strftime(str(form))


def _parsed(text: str) -> dt.date | None:
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        return None


def _bounded(length: int) -> None:
    if length > MOST_CHARACTERS:
        raise FilterArgumentError(f"the text grows beyond {MOST_CHARACTERS:,} characters", token=None)


@string_filter
def _append(value: str, other: object) -> str:
    _bounded(len(value) + len(str(other)))
    return value + str(other)


@string_filter
def _prepend(value: str, other: object) -> str:
    _bounded(len(value) + len(str(other)))
    return str(other) + value


@string_filter
def _replace(value: str, old: object, new: object = "") -> str:
    _bounded(len(value) + value.count(str(old)) * len(str(new)))
    return value.replace(str(old), str(new))


@liquid_filter
def _join(value: object, between: object = " ") -> str:
    if not isinstance(value, list | tuple):
        return str(value)
    _bounded(sum(len(str(item)) + len(str(between)) for item in value))
    return str(between).join(str(item) for item in value)


@liquid_filter
def _times(value: object, by: object) -> object:
    try:
        product = float(str(value)) * float(str(by))
    except ValueError as problem:
        raise FilterArgumentError("times multiplies numbers", token=None) from problem
    return int(product) if product.is_integer() and abs(product) < 2**53 else product


_OWN_FILTERS = {
    "append": _append,
    "date": _date,
    "join": _join,
    "prepend": _prepend,
    "replace": _replace,
    "times": _times,
}


def _environment() -> _Environment:
    environment = _Environment()
    environment.tags = {name: tag for name, tag in environment.tags.items() if name in (*TAGS, *_INTERNAL_TAGS)}
    library = environment.filters
    environment.filters = {name: library[name] for name in LIBRARY_FILTERS} | _OWN_FILTERS
    return environment


_ENVIRONMENT = _environment()
_NO_CONTEXT = liquid.RenderContext(_ENVIRONMENT.from_string(""))


# --- reading and rendering --------------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def _compiled(template: str) -> liquid.BoundTemplate:
    return _ENVIRONMENT.from_string(template)


def read_template(template: str) -> tuple[tuple[Reading, ...], Problem | None]:
    """The variables that a template reads, in its order, or the first thing that is wrong with it."""
    if (unclosed := next((start for start, end in _parts(template) if end < 0), None)) is not None:
        line_end = template.find("\n", unclosed)
        sign = template[unclosed : unclosed + 2]
        return (), Problem(unclosed, line_end if line_end >= 0 else len(template), f"this {sign} is not closed")
    try:
        analysis = _compiled(template).analyze(include_partials=False)
    except LiquidError as problem:
        return (), _problem(template, problem)
    for name, spans in analysis.filters.items():
        if name not in FILTERS:
            start = _word(template, name, spans[0].index)
            return (), Problem(start, start + len(name), filter=name)
    readings = [
        Reading(str(variable), start := _word(template, str(variable), variable.span.index), start + len(str(variable)))
        for variables in analysis.globals.values()
        for variable in variables
    ]
    return tuple(sorted(readings, key=lambda one: one.start)), None


def unguarded(template: str) -> frozenset[str]:
    """The variables that a template without problems writes as they are: by no `default`, in no `if` that asks them."""
    return frozenset(name for node in _compiled(template).nodes for name in _written(node, frozenset()))


def _written(node: Node, asked: frozenset[str]) -> Iterator[str]:
    expressions = list(node.expressions())
    if isinstance(node, OutputNode):
        outputs = (one for one in expressions if isinstance(one, FilteredExpression) and isinstance(one.left, Path))
        for output in outputs:
            if not any(one.name == "default" for one in output.filters or ()):
                yield from {str(output.left)} - asked
    inner = asked | {name for expression in expressions for name in _paths(expression)}
    for child in node.children(_NO_CONTEXT, include_partials=False):
        yield from _written(child, inner)


def _paths(expression: Expression) -> Iterator[str]:
    if isinstance(expression, Path):
        yield str(expression)
    for child in expression.children():
        yield from _paths(child)


def _word(template: str, word: str, index: int) -> int:
    """Where a word stands at or after the library's index, which may point at the braces before it."""
    found = template.find(word, index)
    return found if found >= 0 else index


def _problem(template: str, problem: LiquidError) -> Problem:
    told = str(problem.message).replace("end of expression", "the end")
    start = problem.token.start_index if problem.token is not None else -1
    if start < 0:
        start, end = _broken_part(template)
        return Problem(start, end, told)
    word = problem.token.value if problem.token is not None else ""
    if told.startswith("unexpected tag") and not word.startswith("end"):
        return Problem(start, start + len(word), tag=word)
    return Problem(start, start + max(1, len(word)), told)


def _broken_part(template: str) -> tuple[int, int]:
    """Which `{{ }}` or `{% %}` fails by itself, where the library does not say; else the last block opened."""
    last = (0, len(template))
    for start, end in _parts(template):
        last = (start, end)
        if template.startswith("{{", start):
            try:
                _ENVIRONMENT.from_string(template[start:end])
            except LiquidError:
                return start, end
    return last


def _parts(template: str) -> Iterator[tuple[int, int]]:
    """Where each `{{ }}` and `{% %}` begins and ends; the end is -1 for one that is not closed, which is the last."""
    at = 0
    while (opening := _OPENING.search(template, at)) is not None:
        closing = template.find("}}" if opening.group() == "{{" else "%}", opening.end())
        at = closing + 2
        yield opening.start(), at if closing >= 0 else -1
        if closing < 0:
            return


def render_template(template: str, variables: dict[str, object]) -> str:
    """The text. An undefined variable writes nothing.

    Raises RenderingFailed for a limit reached or a filter given what it cannot use.
    """
    try:
        return _compiled(template).render(**variables)
    except (LiquidError, ArithmeticError, ValueError, TypeError) as problem:
        reason = problem.message if isinstance(problem, LiquidError) else problem
        raise RenderingFailed(f"The message cannot be written: {reason}.") from problem
