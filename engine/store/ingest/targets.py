"""What a file can be imported into, and the plan that joins a mapping, a catalog and a file's columns.

Everything that can be wrong with a mapping is found here, before a row is read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from dsl.catalog import Catalog, Owner
from dsl.datatypes import DataType, Kind
from dsl.suggestions import closest, listed
from engine.errors import MappingError
from engine.store.events import event_moment
from engine.store.ingest.mapping import Mapped, Recipe

_TEXT = DataType(Kind.TEXT)
_ALIASES: Mapping[str, Mapping[str, str]] = {
    "customers": {"customer_id": "id"},
    "subscriptions": {"subscription_id": "id", "customer_id": "customer"},
    "readings": {"subscription_id": "subscription"},
    "events": {"event_id": "id", "customer_id": "customer", "subscription_id": "subscription", "event": "moment"},
}


class Subject(StrEnum):
    """What the rows of a file are."""

    CUSTOMERS = "customers"
    SUBSCRIPTIONS = "subscriptions"
    EVENTS = "events"
    READINGS = "readings"


class Role(StrEnum):
    """How a target's texts are read and where its values go."""

    IDENTITY = "identity"  # ids: one text, up to 200 characters
    TIMEZONE = "timezone"
    CURRENCY = "currency"
    SOURCE = "source"
    MOMENT = "moment"
    INSTANT = "instant"
    ATTRIBUTE = "attribute"  # typed by the catalog, kept in the document
    COLUMN = "column"  # tags, add-ons, what a meter read: typed, kept in a column of its own


@dataclass(frozen=True, slots=True)
class Target:
    name: str
    role: Role
    type: DataType = _TEXT
    required: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What to make of every row: recipes by target, in the order of the file. `ignored` are columns nobody reads."""

    subject: Subject
    recipes: Mapping[str, tuple[Target, Recipe]]
    as_of: dt.date | None
    blank: frozenset[str]
    ignored: tuple[str, ...] = ()
    by_moment: Mapping[str, frozenset[str]] = field(default_factory=dict)  # the properties that an event may have

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column of the file that is read."""
        return tuple(dict.fromkeys(name for _, recipe in self.recipes.values() for name in recipe.columns))


def targets_of(catalog: Catalog, subject: Subject) -> dict[str, Target]:
    """Every target of an import: built-in ones first, then what the catalog declares."""
    if subject is Subject.CUSTOMERS:
        built_in = [
            Target("id", Role.IDENTITY, required=True),
            Target("timezone", Role.TIMEZONE),
            Target("tags", Role.COLUMN, DataType(Kind.SET)),
        ]
        return {one.name: one for one in (*_declared(catalog, Owner.CUSTOMER), *built_in)}
    if subject is Subject.SUBSCRIPTIONS:
        built_in = [
            Target("id", Role.IDENTITY, required=True),
            Target("customer", Role.IDENTITY, required=True),
            Target("currency", Role.CURRENCY),
            Target("addons", Role.COLUMN, DataType(Kind.SET, tuple(catalog.addons))),
        ]
        return {one.name: one for one in (*_declared(catalog, Owner.SUBSCRIPTION), *built_in)}
    if subject is Subject.READINGS:
        return {one.name: one for one in _reading(catalog)}
    built_in = [
        Target("id", Role.IDENTITY, required=True),
        Target("source", Role.SOURCE),
        Target("moment", Role.MOMENT, required=True),
        Target("customer", Role.IDENTITY, required=True),
        Target("subscription", Role.IDENTITY),
        Target("occurred_at", Role.INSTANT, required=True),
    ]
    return {one.name: one for one in (*_properties(catalog), *built_in)}


def _reading(catalog: Catalog) -> list[Target]:
    return [
        Target("subscription", Role.IDENTITY, required=True),
        Target("meter", Role.COLUMN, DataType(Kind.ENUM, tuple(catalog.meters)), required=True),
        Target("read_at", Role.INSTANT, required=True),
        Target("used", Role.COLUMN, DataType(Kind.NUMBER), required=True),
    ]


def _declared(catalog: Catalog, owner: Owner) -> list[Target]:
    return [Target(name, Role.ATTRIBUTE, one.type) for name, one in catalog.attributes(owner).items()]


def event_moments(catalog: Catalog) -> dict[str, frozenset[str]]:
    """The moments that are events, and the properties of each."""
    return {name: frozenset(one.properties) for name, one in catalog.moments.items() if event_moment(catalog, name)}


def _properties(catalog: Catalog) -> list[Target]:
    """Each property once; one that several moments type differently is read as the first of them says."""
    found = {
        name: data_type
        for moment in reversed(event_moments(catalog))
        for name, data_type in catalog.moments[moment].properties.items()
    }
    return [Target(name, Role.ATTRIBUTE, data_type) for name, data_type in found.items()]


def plan_import(catalog: Catalog, subject: Subject, mapped: Mapped | None, columns: Sequence[str], file: str) -> Plan:
    """The plan, or MappingError: a misspelt attribute or column, a required one that is absent, a unit that fits not.

    Without a mapping every column that is called like an attribute is taken as it is.
    """
    if subject is Subject.READINGS and not catalog.meters:
        raise MappingError(f"{file}: the catalog declares no meters, so there is nothing that these rows could be of.")
    targets = targets_of(catalog, subject)
    aliases = _ALIASES[subject]
    if mapped is None:
        recipes = {
            aliases.get(name, name): Recipe(column=name) for name in columns if aliases.get(name, name) in targets
        }
        mapped = Mapped(recipes, name=file)
        takes = {name for name, target in targets.items() if target.type.kind is not Kind.ELAPSED}
        ignored = tuple(name for name in columns if aliases.get(name, name) not in takes)
    else:
        ignored = ()
    recipes = {}
    for name, recipe in mapped.recipes.items():
        bare = name.removeprefix(f"{subject.removesuffix('s')}.").removeprefix("event.")
        recipes[aliases.get(bare, bare)] = recipe
    recipes = {name: _in_own_currency(recipe, targets.get(name), recipes) for name, recipe in recipes.items()}
    for name, recipe in recipes.items():
        target = targets.get(name)
        if target is None:
            raise MappingError(f"{mapped.name}: {_unknown(name, subject, targets)}")
        _check_recipe(mapped, target, recipe)
        for column in recipe.columns:
            if column not in columns:
                raise MappingError(
                    f"{mapped.name}: {file} has no column {column}, which {name} needs{_near(column, columns)}"
                )
    for target in targets.values():
        if target.required and target.name not in recipes:
            near = closest(target.name, ignored)
            tip = f"; did you mean its column {near}?" if near else "."
            raise MappingError(f"{mapped.name}: nothing says what {target.name} is, which every row needs{tip}")
    return Plan(
        subject,
        {name: (targets[name], recipe) for name, recipe in recipes.items()},
        mapped.as_of,
        mapped.blank,
        ignored,
        event_moments(catalog),
    )


def _in_own_currency(recipe: Recipe, target: Target | None, recipes: Mapping[str, Recipe]) -> Recipe:
    """An amount without a stated currency is in its subscription's, where the mapping says that one."""
    own = recipes.get("currency")
    if own is None or target is None or target.type.kind is not Kind.MONEY or recipe.currency or recipe.currency_column:
        return recipe
    return replace(recipe, currency=own.constant, currency_column=own.column)


def _unknown(name: str, subject: Subject, targets: Collection[str]) -> str:
    what = "an event" if subject is Subject.EVENTS else f"a {subject.removesuffix('s')}"
    near = closest(name, targets)
    return f"{name} is no attribute of {what}" + (f"; did you mean {near}?" if near else ".")


def _near(column: str, columns: Sequence[str]) -> str:
    near = closest(column, columns)
    if near:
        return f"; did you mean {near}?"
    return f"; its columns are {listed(list(columns))}." if 0 < len(columns) <= 30 else "."


# Which settings of a recipe make sense for which kinds.
_SETTINGS: Mapping[str, tuple[Kind, ...]] = {
    "elapsed": (Kind.DATE,),
    "format": (Kind.DATE,),
    "currency": (Kind.MONEY,),
    "currency_column": (Kind.MONEY,),
    "times": (Kind.NUMBER,),
    "yes_columns": (Kind.SET,),
}
_UNITS: Mapping[Kind, tuple[str, ...]] = {
    Kind.DATE: ("days", "seconds", "milliseconds"),
    Kind.MONEY: ("minor", "major"),
    Kind.PERCENT: ("share", "percent"),
}


def _check_recipe(mapped: Mapped, target: Target, recipe: Recipe) -> None:
    kind = Kind.DATE if target.role is Role.INSTANT else target.type.kind
    if kind is Kind.ELAPSED:
        tip = f"map {target.type.since} with `elapsed: {target.type.unit}`"
        raise MappingError(f"{mapped.name}: {target.name} is counted from {target.type.since}; {tip} instead.")
    for setting, kinds in _SETTINGS.items():
        if getattr(recipe, setting) and kind not in kinds:
            raise MappingError(f"{mapped.name}: {target.name} is a {kind}, so `{setting}` says nothing about it.")
    if recipe.unit is not None and recipe.unit not in _UNITS.get(kind, ()):
        raise MappingError(f"{mapped.name}: {target.name} is a {kind}, which is not in {recipe.unit}.")
    if recipe.elapsed is not None and mapped.as_of is None:
        raise MappingError(f"{mapped.name}: {target.name} counts back from a day; say it with `as_of: 2026-03-31`.")
    if recipe.yes_columns and target.type.values:
        for member in recipe.yes_columns.values():
            if member not in target.type.values:
                near = closest(member, target.type.values)
                tip = f"; did you mean {near}?" if near else "."
                raise MappingError(f"{mapped.name}: {member} is no member of {target.name}{tip}")
