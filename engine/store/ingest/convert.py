"""Blocks of texts into stored columns: each distinct text is parsed once, everything else is done by Arrow.

A column is dictionary-encoded; its distinct texts go through one exact parser (`values`); the results are taken back
to the rows by index. Documents are then joined from the columns' JSON fragments, names sorted, missing ones left out,
which is the canonical text of `documents.dump`. A row with a fault in any column leaves the block.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dsl.catalog import Catalog
from dsl.datatypes import Kind
from engine.store.currencies import Usual
from engine.store.documents import Json, dump
from engine.store.ingest import values
from engine.store.ingest.blocks import Block, Fault
from engine.store.ingest.mapping import Recipe, fill, places
from engine.store.ingest.targets import Plan, Role, Target
from engine.store.zones import LONGEST_ZONE, is_zone

_encode_text = json.encoder.encode_basestring
_BETWEEN = "\x1f"  # cannot be in a readable text: between the parts of a joined one


UsualOf = Callable[[Sequence[Any], Sequence[Any]], Sequence[Usual]]
"""What subscriptions usually pay in, by their ids and their customers', a row each; missing ids are None."""


@dataclass(slots=True)
class Converted:
    """The good rows of a block. `given` are columns of Python values by target, `documents` JSON texts."""

    rows: list[int]
    given: dict[str, list[Any]]
    documents: list[str]
    faults: list[Fault]
    warnings: dict[str, int] = field(default_factory=dict)  # sentence -> rows

    def __len__(self) -> int:
        return len(self.rows)

    def without(self, positions: set[int]) -> Converted:
        """Without the rows at these positions."""
        if not positions:
            return self
        keep = [at for at in range(len(self.rows)) if at not in positions]
        return Converted(
            [self.rows[at] for at in keep],
            {name: [column[at] for at in keep] for name, column in self.given.items()},
            [self.documents[at] for at in keep],
            self.faults,
            self.warnings,
        )


@dataclass(frozen=True, slots=True)
class Column:
    """One target's parsed values: the distinct ones and, for each row, the index of its own (null is missing)."""

    distinct: list[Json]
    indices: pa.Array

    def values(self) -> list[Json]:
        """One Python value a row."""
        return [None if at is None else self.distinct[at] for at in self.indices.to_pylist()]

    def fragments(self, name: str) -> pa.Array:
        """`"name":value` for each row, null where missing."""
        prefix = _encode_text(name) + ":"
        texts = [None if one is None else prefix + _json(one) for one in self.distinct]
        return pa.array(texts, pa.large_string()).take(self.indices)


def _json(value: Json) -> str:
    return _encode_text(value) if isinstance(value, str) else dump(value)


class Converter:
    """Converts the blocks of one file by its plan."""

    def __init__(self, catalog: Catalog, plan: Plan) -> None:
        self.catalog = catalog
        self.plan = plan
        self.warnings: dict[str, int] = {}

    def convert(self, block: Block, usual: UsualOf | None = None) -> Converted:
        """The good rows of a block. `usual` is asked what subscriptions pay in that do not say so."""
        faults = list(block.faults)
        good = np.ones(len(block), dtype=bool)
        recipes = self.plan.recipes
        last = {name for name, (target, recipe) in recipes.items() if usual and _names_no_currency(target, recipe)}
        columns = {name: self.column(block, *recipes[name], faults, good) for name in recipes if name not in last}
        paid_in = usual(columns["id"].values(), columns["customer"].values()) if usual else []
        for name in sorted(last):
            columns[name] = self.column(block, *recipes[name], faults, good, [one.currency for one in paid_in])
        self.warnings = {}
        if "moment" in columns:
            self.check_properties(block, columns, faults, good)
        if "timezone" in columns:
            self.warn_of_zones(columns["timezone"])
        kept = pa.array(np.flatnonzero(good))
        columns = {name: Column(one.distinct, one.indices.take(kept)) for name, one in columns.items()}
        given = {name: one.values() for name, one in columns.items() if not self.in_document(name)}
        if usual:
            given["currency"] = self.currencies(columns, [paid_in[at] for at in kept.to_pylist()])
        return Converted(block.rows[good].tolist(), given, self.documents(columns, len(kept)), faults, self.warnings)

    def currencies(self, columns: Mapping[str, Column], usual: Sequence[Usual]) -> list[Any]:
        """What each subscription pays in: as its row says, or its first amount, or as usual. What was taken is told."""
        said: list[Any] = columns["currency"].values() if "currency" in columns else [None] * len(usual)
        paid: list[Any] = [None] * len(usual)
        for name in sorted(columns):
            if self.plan.recipes[name][0].type.kind is Kind.MONEY:
                amounts: list[Any] = columns[name].values()
                paid = [one or (amount and amount[1]) for one, amount in zip(paid, amounts, strict=True)]
        found = [one or other or each.currency for one, other, each in zip(said, paid, usual, strict=True)]
        taken = [one is None and each.currency == pays for one, each, pays in zip(said, usual, found, strict=True)]
        for one, count in Counter(compress(usual, taken)).items():
            if one.whose is not None:
                self.warnings[f"without a currency: {one.currency} is taken, {one.whose}"] = count
        return found

    def in_document(self, name: str) -> bool:
        return self.plan.recipes[name][0].role is Role.ATTRIBUTE

    def documents(self, columns: Mapping[str, Column], length: int) -> list[str]:
        fragments = [columns[name].fragments(name) for name in sorted(columns) if self.in_document(name)]
        if not fragments:
            return ["{}"] * length
        comma, nothing = pa.scalar(",", pa.large_string()), pa.scalar("", pa.large_string())
        # The empty text in front is for rows without any value, which the join would drop from its result otherwise.
        joined = pc.binary_join_element_wise(nothing, *fragments, comma, null_handling="skip")
        joined = pc.utf8_slice_codeunits(joined, 1)
        opened, closed = pa.scalar("{", pa.large_string()), pa.scalar("}", pa.large_string())
        return list(pc.binary_join_element_wise(opened, joined, closed, nothing).to_pylist())

    # --- one column --------------------------------------------------------------------------------------------------

    def column(
        self,
        block: Block,
        target: Target,
        recipe: Recipe,
        faults: list[Fault],
        good: np.ndarray[Any, Any],
        paid_in: Sequence[str] = (),
    ) -> Column:
        """`paid_in` is the currency of each row's amounts that name none."""
        texts = _source(block, recipe)
        if paid_in:
            texts = pc.binary_join_element_wise(texts, pa.array(paid_in, pa.string()), _BETWEEN)
        encoded = texts.dictionary_encode()
        parse = self.parser(target, recipe)
        distinct: list[Json] = []
        reasons: dict[int, tuple[str, str]] = {}
        for at, text in enumerate(encoded.dictionary.to_pylist()):
            try:
                distinct.append(parse(text))
            except values.Refused as refused:
                distinct.append(None)
                reasons[at] = (text, str(refused))
        indices = encoded.indices
        if reasons:
            self.refuse(block, recipe.columns, reasons, indices, faults, good)
        missing = _missing(distinct, indices)
        if target.required and missing.any():
            column = ", ".join(recipe.columns)
            faults += [Fault(int(row), column, "", "is missing") for row in block.rows[missing & good]]
            good &= ~missing
        return Column(distinct, indices)

    @staticmethod
    def refuse(
        block: Block,
        columns: Sequence[str],
        reasons: Mapping[int, tuple[str, str]],
        indices: pa.Array,
        faults: list[Fault],
        good: np.ndarray[Any, Any],
    ) -> None:
        """A fault for every row whose text had a reason against it."""
        wrong = np.isin(indices.fill_null(-1).to_numpy(zero_copy_only=False), list(reasons))
        for at in np.flatnonzero(wrong):
            text, reason = reasons[indices[int(at)].as_py()]
            shown = text.replace(_BETWEEN, " ").strip()
            faults.append(Fault(int(block.rows[at]), ", ".join(columns), shown, reason))
        good &= ~wrong

    def parser(self, target: Target, recipe: Recipe) -> Callable[[str], Json]:
        """The whole way of one text: blanks, mapped values, the type."""
        if recipe.yes_columns:
            return lambda text: self.chosen(text, recipe)
        if recipe.template is not None:
            names, parse = places(recipe.template), self.typed(target, recipe)
            return lambda text: self.filled(text, recipe.template or "", names, parse)
        if target.type.kind is Kind.MONEY:
            return lambda text: self.money(text, recipe)
        parse = self.typed(target, recipe)
        blank, mapped = self.plan.blank, recipe.values

        def whole(text: str) -> Json:
            text = text.strip()
            text = mapped.get(text, text)
            return None if not text or text in blank else parse(text)

        return whole

    def typed(self, target: Target, recipe: Recipe) -> Callable[[str], Json]:
        match target.role:
            case Role.IDENTITY:
                return values.identity
            case Role.TIMEZONE:
                return values.clean
            case Role.CURRENCY:
                return values.currency_code
            case Role.SOURCE:
                return values.source
            case Role.MOMENT:
                return lambda text: values.word(text, "event", self.plan.by_moment)
            case Role.INSTANT:
                return lambda text: values.instant(text, recipe)
            case _:
                return values.parser_of(target.type, recipe, self.catalog, self.plan.as_of)

    def money(self, text: str, recipe: Recipe) -> Json:
        amount, _, currency = text.partition(_BETWEEN)
        amount, currency = amount.strip(), currency.strip()
        amount = recipe.values.get(amount, amount)
        if not amount or amount in self.plan.blank:
            return None
        usual = self.catalog.currency
        if recipe.currency_column is None:
            code, usual = recipe.currency, currency or usual
        elif not currency or currency in self.plan.blank:
            raise values.Refused("has no currency beside it")
        else:
            code = values.currency_code(currency)
        return values.money(amount, code, usual, recipe.unit == "minor")

    def filled(self, text: str, template: str, names: Sequence[str], parse: Callable[[str], Json]) -> Json:
        """A computed text; missing where any of its columns is."""
        parts = [part.strip() for part in text.split(_BETWEEN)]
        if any(not part or part in self.plan.blank for part in parts):
            return None
        return parse(fill(template, dict(zip(names, parts, strict=True))))

    def chosen(self, text: str, recipe: Recipe) -> Json:
        """The members of a set whose columns say yes."""
        members = []
        for (column, member), part in zip(recipe.yes_columns.items(), text.split(_BETWEEN), strict=True):
            answer = part.strip()
            if not answer or answer in self.plan.blank:
                continue
            try:
                if values.flag(answer, recipe.yes, recipe.no):
                    members.append(member)
            except values.Refused as refused:
                raise values.Refused(f"{refused} in {column}") from None
        return sorted(set(members))

    # --- across columns ----------------------------------------------------------------------------------------------

    def check_properties(
        self, block: Block, columns: Mapping[str, Column], faults: list[Fault], good: np.ndarray[Any, Any]
    ) -> None:
        """A property may only be present in events whose moment has it."""
        moments = columns["moment"].values()
        for name, column in columns.items():
            if not self.in_document(name):
                continue
            has = np.array(
                [moment is not None and name in self.plan.by_moment[moment] for moment in moments], dtype=bool
            )
            wrong = ~_missing(column.distinct, column.indices) & ~has & good
            for at in np.flatnonzero(wrong):
                value = dump(column.distinct[column.indices[int(at)].as_py()])
                faults.append(Fault(int(block.rows[at]), name, value, f"is no property of {moments[at]}"))
            good &= ~wrong

    def warn_of_zones(self, column: Column) -> None:
        """Invalid time zones are kept as given (a fallback counts instead) and told; too long ones are dropped."""
        counts = np.bincount(column.indices.drop_null().to_numpy(), minlength=len(column.distinct))
        for at, name in enumerate(column.distinct):
            if name is not None and not is_zone(name):
                self.warnings[f"“{name[:LONGEST_ZONE]}” is no time zone"] = int(counts[at])
                column.distinct[at] = name if len(name) <= LONGEST_ZONE else None


def _names_no_currency(target: Target, recipe: Recipe) -> bool:
    return target.type.kind is Kind.MONEY and not recipe.currency and not recipe.currency_column


def _source(block: Block, recipe: Recipe) -> pa.Array:
    """One text a row; several columns are joined so that each distinct combination is parsed once."""
    if recipe.constant is not None:
        return pa.array([recipe.constant] * len(block), pa.string())
    if recipe.template is not None:
        names = places(recipe.template)
    elif recipe.yes_columns:
        names = list(recipe.yes_columns)
    else:
        names = list(recipe.columns)
    if len(names) == 1:
        return block.columns[names[0]].fill_null("")
    return pc.binary_join_element_wise(*(block.columns[name].fill_null("") for name in names), _BETWEEN)


def _missing(distinct: Sequence[Json], indices: pa.Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which rows have no value."""
    none = np.array([one is None for one in distinct], dtype=bool)
    return none[indices.to_numpy(zero_copy_only=False)] if len(distinct) else np.zeros(len(indices), dtype=bool)
