"""What somebody has who takes a product: the product itself, unless it is a bundle, and what comes with it."""

from __future__ import annotations

from dsl.catalog import Catalog


def brought(catalog: Catalog, name: str) -> tuple[str, ...]:
    """What comes with a product, and with that, each once. (The catalog refuses circles.)"""
    found: dict[str, None] = {}
    for part in catalog.product(name).includes:
        found[part] = None
        found |= dict.fromkeys(brought(catalog, part))
    return tuple(found)


def plan_of(catalog: Catalog, name: str) -> str | None:
    """The plan that a product is or brings; None where a subscription keeps the plan it has."""
    return next((one for one in (name, *brought(catalog, name)) if one in catalog.plans), None)


def parts_of(catalog: Catalog, name: str) -> tuple[str, ...]:
    """The product itself and what a bundle brings."""
    return (name, *brought(catalog, name)) if name in catalog.bundles else (name,)


def addons_of(catalog: Catalog, name: str) -> frozenset[str]:
    """The add-ons that a product is or, of a bundle, brings; those that come with a plan are part of it."""
    return frozenset(parts_of(catalog, name)) & catalog.addons.keys()
