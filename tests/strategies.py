"""Random typed rules and rows of state, made to be awkward: what every property test of matching draws from.

Rules are drawn by hypothesis, so that they shrink. Rows are many and are drawn from the same pools by a seeded
generator, one seed a draw. The pools hold the values next to which comparisons go wrong.
"""

from __future__ import annotations

import datetime as dt
import itertools
import random
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from dsl.catalog import Owner
from dsl.datatypes import DataType, Kind, Money, Unit, Value
from dsl.operators import OPERATORS
from dsl.typed import (
    All,
    Amount,
    AnyOf,
    Arithmetic,
    Attribute,
    Condition,
    Constant,
    Elapsed,
    MomentUse,
    Not,
    Relation,
    Rule,
    Say,
    SegmentUse,
    Term,
    Test,
)

# --- attributes: every kind, of every owner -------------------------------------------------------------------------


def _attribute(owner: Owner, name: str, kind: Kind) -> Attribute:
    return Attribute(owner, name, DataType(kind))


CURRENCY = _attribute(Owner.SUBSCRIPTION, "currency", Kind.TEXT)
ATTRIBUTES: tuple[Attribute, ...] = (
    CURRENCY,
    _attribute(Owner.CUSTOMER, "first_name", Kind.TEXT),
    _attribute(Owner.CUSTOMER, "country", Kind.ENUM),
    _attribute(Owner.CUSTOMER, "date_of_birth", Kind.DATE),
    _attribute(Owner.CUSTOMER, "interests", Kind.SET),
    _attribute(Owner.CUSTOMER, "marketing_ok", Kind.FLAG),
    _attribute(Owner.CUSTOMER, "satisfaction", Kind.NUMBER),
    _attribute(Owner.CUSTOMER, "tags", Kind.SET),
    _attribute(Owner.SUBSCRIPTION, "plan", Kind.PLAN),
    _attribute(Owner.SUBSCRIPTION, "main_addon", Kind.ADDON),
    _attribute(Owner.SUBSCRIPTION, "started_on", Kind.DATE),
    _attribute(Owner.SUBSCRIPTION, "seats", Kind.COUNT),
    _attribute(Owner.SUBSCRIPTION, "mrr", Kind.MONEY),
    _attribute(Owner.SUBSCRIPTION, "discount", Kind.PERCENT),
    _attribute(Owner.SUBSCRIPTION, "autopay", Kind.FLAG),
    _attribute(Owner.EVENT, "page", Kind.TEXT),
    _attribute(Owner.EVENT, "amount", Kind.MONEY),
    _attribute(Owner.EVENT, "seconds", Kind.NUMBER),
)
_DATES = [one for one in ATTRIBUTES if one.type.kind is Kind.DATE]
_MONEY = [one for one in ATTRIBUTES if one.type.kind is Kind.MONEY]
TERMS: tuple[Term, ...] = (
    *ATTRIBUTES,
    *(Elapsed(one, unit) for one in _DATES for unit in (Unit.DAYS, Unit.MONTHS)),
    *(Amount(one, currency) for one in _MONEY for currency in (None, "USD", "EUR", "JPY", "KWD")),
)

# --- values ----------------------------------------------------------------------------------------------------------

DAYS = tuple(
    dt.date.fromisoformat(text)
    for text in ("2024-02-29", "2025-02-28", "2024-01-31", "2026-03-31", "2026-04-30", "2026-12-31", "2026-03-15")
)
"""Local dates to evaluate on: leap days and ends of months among them."""

_NEAR = (-800, -366, -365, -60, -31, -30, -29, -28, -7, -1, 0, 1, 7, 28, 30, 31, 60)
_TEXTS = (
    "",
    " ",
    "a",
    "A",
    "ab",
    "aba",
    "a*b",
    "a?b",
    "a\nb",
    "\N{CYRILLIC SMALL LETTER A}",
    "\N{FULLWIDTH LATIN SMALL LETTER A}",
    "a\N{ZERO WIDTH SPACE}",
    "é",
    "e\N{COMBINING ACUTE ACCENT}",
    "\N{ANGSTROM SIGN}",
    "\N{LATIN CAPITAL LETTER A WITH RING ABOVE}",
    "\N{LATIN SMALL LIGATURE FI}",
    "e",
    "ß",
    "ss",
    "\N{DUCK}",
)
_COUNTS = (-(2**63), -(2**63) + 1, -1, 0, 1, 2, 12, 13, 255, 256, 70_000, 2**53 + 1, 2**63 - 2, 2**63 - 1)
_NUMBERS = (-1.7e308, -1.0, -5e-324, -0.0, 0.0, 5e-324, 0.1 + 0.2, 0.3, 1.0, 9.5, 9007199254740992.0, 1.7e308)
_MINORS = (-(2**63), -5000, -1, 0, 1, 49, 50, 4999, 5000, 5001, 50_000, 2**53 + 1, 2**63 - 1)
_AMOUNTS = ("-50", "-0.01", "0", "0.0001", "0.5", "49.99", "50", "50.000", "50.005", "50.01", "5000", "1e17", "1e30")
_PERCENTS = ("-0.000001", "0", "20", "20.0", "20.000001", "20.5", "33.333333", "100")
_BETWEEN_PERCENTS = (*_PERCENTS, "20.0000005", "33.3333334")
NAMES = ("basic", "premium", "Fiber optic", "NO", "")
_ELEMENTS = ("a", "b", "c", "sport")
_SETS = (frozenset(), frozenset("a"), frozenset("ab"), frozenset("abc"), frozenset(["sport", "x"]), frozenset(["x"]))
_CURRENCIES = ("USD", "EUR", "JPY", "KWD")
_DAY_COUNTS = (0, 1, 7, 30, 31, 365, 10**7)
_ELAPSED = (-1, 0, 1, 2, 11, 12, 13, 27, 30, 31, 365, 10**6)


def _dates(today: dt.date) -> list[dt.date]:
    near = [today + dt.timedelta(days) for days in _NEAR]
    return [*near, dt.date.min, dt.date(1970, 1, 1), dt.date(2000, 2, 29), dt.date(2023, 1, 31), dt.date.max]


def values_of(attribute: Attribute, today: dt.date) -> Sequence[Value]:
    """The pool of an attribute's stored values."""
    match attribute.type.kind:
        case Kind.TEXT:
            return _CURRENCIES if attribute == CURRENCY else _TEXTS
        case Kind.NUMBER:
            return _NUMBERS
        case Kind.COUNT:
            return _COUNTS
        case Kind.FLAG:
            return (False, True)
        case Kind.SET:
            return _SETS
        case Kind.DATE:
            return _dates(today)
        case Kind.MONEY:
            return [Money(minor, currency) for minor in _MINORS for currency in _CURRENCIES]
        case Kind.PERCENT:
            return [Decimal(text) for text in _PERCENTS]
        case _:
            return NAMES


def kind_of(term: Term) -> Kind:
    if isinstance(term, Attribute):
        return term.type.kind
    return Kind.ELAPSED if isinstance(term, Elapsed) else Kind.MONEY


def operators_of(term: Term) -> list[str]:
    """The operators that may ask of the term: a bare amount of money is only known or missing."""
    found = [row.name for row in OPERATORS.values() if kind_of(term) in row.kinds]
    bare = isinstance(term, Attribute) and term.type.kind is Kind.MONEY
    return [name for name in found if name in ("is_known", "is_missing")] if bare else found


def operands_of(term: Term, operator: str, today: dt.date) -> Sequence[Any]:
    """The pool of operands for one operator of a term."""
    if "within" in operator:
        return _DAY_COUNTS
    if isinstance(term, Elapsed):
        return _ELAPSED
    if isinstance(term, Amount):
        return [Decimal(text) for text in _AMOUNTS]
    match term.type.kind:
        case Kind.COUNT:
            return (*_COUNTS, 2**63, -(2**63) - 1)
        case Kind.PERCENT:
            return [Decimal(text) for text in _BETWEEN_PERCENTS]
        case Kind.SET:
            return _ELEMENTS
        case Kind.TEXT if operator.endswith("like"):
            return ("*", "?", "a*", "*b", "a?b", "??", "", "*a*a*", "[a]", "a\\*b")
    return values_of(term, today)


# --- conditions and rules --------------------------------------------------------------------------------------------


@st.composite
def clauses(draw: st.DrawFn, today: dt.date, terms: Sequence[Term]) -> Test:
    term = draw(st.sampled_from(terms))
    operator = draw(st.sampled_from(operators_of(term)))
    count = OPERATORS[operator].operands
    pool = operands_of(term, operator, today)
    if count == 0:
        return Test(operator, term, ())
    shortest, longest = (1, 4) if count is None else (count, count)
    operands = draw(st.lists(st.sampled_from(pool), min_size=shortest, max_size=longest))
    return Test(operator, term, tuple(operands))


_FACTORS = (0, 1, -1, 3, 7, 12, 100, 2**53 + 1, 2**62, 10**20, 0.8, 0.1, -0.0, 1.5, 1e308, 5e-324)
_SHARES = tuple(map(Decimal, ("0.8", "0.005", "-1.1", "0.333333333333", "1e-12", "1e20")))
_NUMBERS_OR_COUNTS = (Kind.NUMBER, Kind.COUNT)


def _terms_of(*kinds: Kind) -> list[Term]:
    return [term for term in TERMS if kind_of(term) in kinds and not (Kind.MONEY in kinds and term in _MONEY)]


def _calculated(kind: Kind) -> st.SearchStrategy[Term]:
    """Arithmetic whose result is of a kind, as the checker would type it."""
    type_ = DataType(kind)
    if kind is Kind.NUMBER:
        plain = _numeric(*_NUMBERS_OR_COUNTS)
        both = st.builds(Arithmetic, st.sampled_from("+-*/"), plain, plain, st.just(type_))
        return st.one_of(both, st.builds(Arithmetic, st.just("/"), *[_numeric(Kind.MONEY)] * 2, st.just(type_)))
    same, factor = _numeric(kind), _numeric(*_NUMBERS_OR_COUNTS)
    shares = st.sampled_from((*_FACTORS, *_SHARES)).map(Constant)
    times = st.builds(Arithmetic, st.sampled_from("*/"), same, st.one_of(factor, shares), st.just(type_))
    return st.one_of(st.builds(Arithmetic, st.sampled_from("+-"), same, same, st.just(type_)), times)


def _numeric(*kinds: Kind) -> st.SearchStrategy[Term]:
    """Stored terms of a kind, constants beside numbers, and arithmetic on them."""
    stored: st.SearchStrategy[Term] = st.sampled_from(_terms_of(*kinds))
    constants = st.sampled_from(_FACTORS if Kind.NUMBER in kinds else _SHARES).map(Constant)
    return st.one_of(stored, stored, constants, st.deferred(lambda: _CALCULATED[kinds[0]]))


_CALCULATED = {kind: _calculated(kind) for kind in (Kind.NUMBER, Kind.MONEY, Kind.PERCENT)}
_COMPARE = ("equal", "not_equal", "less", "less_or_equal", "greater", "greater_or_equal")
_FAMILIES: tuple[tuple[Kind, ...], ...] = (
    _NUMBERS_OR_COUNTS,
    (Kind.MONEY,),
    (Kind.PERCENT,),
    (Kind.DATE,),
    (Kind.ELAPSED,),
    (Kind.TEXT,),
    (Kind.PLAN, Kind.ADDON),
)


@st.composite
def computed_clauses(draw: st.DrawFn) -> Test | Relation:
    """Arithmetic beside a constant, or two terms side by side."""
    family = draw(st.sampled_from(_FAMILIES))
    sides: st.SearchStrategy[Term] = st.sampled_from(_terms_of(*family))
    if family[0] not in _CALCULATED:
        names = _COMPARE if family[0] in (Kind.DATE, Kind.ELAPSED) else _COMPARE[:2]
        return Relation(draw(st.sampled_from(names)), draw(sides), draw(sides))
    computed = _CALCULATED[family[0]]
    if draw(st.booleans()):
        either = st.one_of(sides, sides, computed)
        return Relation(draw(st.sampled_from(_COMPARE)), draw(either), draw(either))
    operator = draw(st.sampled_from((*_COMPARE, "in", "not_in", "between", "not_between", "is_known", "is_missing")))
    count = {"is_known": 0, "is_missing": 0, "between": 2, "not_between": 2, "in": 3, "not_in": 3}.get(operator, 1)
    pool = _RESULTS[family[0]]
    return Test(operator, draw(computed), tuple(draw(st.sampled_from(pool)) for _ in range(count)))


_RESULTS: dict[Kind, Sequence[Value]] = {
    Kind.NUMBER: (*_NUMBERS, 3.0, 12.0, 100.0, 1 / 3, 2.0**63),
    Kind.MONEY: [Decimal(text) for text in (*_AMOUNTS, "16.6666", "0.01", "0.0033333333")],
    Kind.PERCENT: [Decimal(text) for text in (*_BETWEEN_PERCENTS, "6.6666666")],
}


def conditions(
    today: dt.date, terms: Sequence[Term] = TERMS, leaves: int = 12, *, computing: bool = False
) -> st.SearchStrategy[Condition]:
    """Trees of tests, of up to about `leaves`, with segments and the empty `and` and `or` among them.

    With `computing`, clauses that compute are among the tests.
    """

    def deeper(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
        items = st.lists(inner, max_size=4).map(tuple)
        return st.one_of(
            items.map(All), items.map(AnyOf), inner.map(Not), inner.map(lambda condition: SegmentUse("s", condition))
        )

    tests: st.SearchStrategy[Condition] = clauses(today, terms)
    if computing:
        tests = st.one_of(tests, tests, computed_clauses())
    return st.recursive(tests, deeper, max_leaves=leaves)


def rule(condition: Condition, name: str = "r") -> Rule:
    """A rule with this condition and nothing else to note."""
    return Rule(name, None, (MomentUse("m"),), condition, (Say("hello"),), ("log",))


# --- rows and batches ------------------------------------------------------------------------------------------------


def make_rows(count: int, today: dt.date, seed: int) -> list[dict[str, Value]]:
    """Rows of state; values are missing everywhere, and some customers have no subscription at all."""
    rng = random.Random(seed)
    pools = {attribute: values_of(attribute, today) for attribute in ATTRIBUTES}
    rows = []
    for _ in range(count):
        gaps = rng.choice((0.0, 0.1, 0.5))
        without = {Owner.SUBSCRIPTION} if rng.random() < 0.1 else set()
        present = [one for one in ATTRIBUTES if one.owner not in without and rng.random() >= gaps]
        rows.append({attribute.key: rng.choice(pools[attribute]) for attribute in present})
    return rows


_ARROW: dict[Kind, pa.DataType] = {
    Kind.NUMBER: pa.float64(),
    Kind.COUNT: pa.int64(),
    Kind.FLAG: pa.bool_(),
    Kind.DATE: pa.date32(),
    Kind.PERCENT: pa.int64(),
    Kind.SET: pa.list_(pa.string()),
}


def make_batch(rows: Sequence[dict[str, Value]], attributes: Sequence[Attribute], *, plainly: bool = True) -> pa.Table:
    """The rows as a batch has them; not `plainly`: texts as dictionaries, and in several chunks."""
    columns: dict[str, pa.ChunkedArray] = {}
    cuts = (0, len(rows)) if plainly else (0, len(rows) // 3, len(rows) // 3, len(rows))
    for attribute in attributes:
        values = [row.get(attribute.key) for row in rows]
        for key, some, arrow in _columns(attribute, values):
            chunks = [pa.array(some[a:b], arrow) for a, b in itertools.pairwise(cuts)]
            if arrow == pa.string() and not plainly:
                chunks = [chunk.dictionary_encode() for chunk in chunks]
            columns[key] = pa.chunked_array(chunks)
    return pa.table(columns) if columns else pa.table({"moment": ["m"] * len(rows)})


def _columns(attribute: Attribute, values: list[Any]) -> list[tuple[str, list[Any], pa.DataType]]:
    key, kind = attribute.key, attribute.type.kind
    if kind is Kind.MONEY:
        minors = [None if value is None else value.minor for value in values]
        currencies = [None if value is None else value.currency for value in values]
        return [(key, minors, pa.int64()), (f"{key}.currency", currencies, pa.string())]
    if kind is Kind.PERCENT:
        values = [None if value is None else int(value * 10**6) for value in values]
    if kind is Kind.SET:
        values = [None if value is None else sorted(value) for value in values]
    return [(key, values, _ARROW.get(kind, pa.string()))]
