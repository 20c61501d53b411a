"""Products and prices of the catalog: what each form means, and every mistake at its place."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from dsl.catalog import Catalog
from dsl.catalog_reader import read_catalog
from dsl.datatypes import Money
from dsl.language_service.completion import complete
from dsl.language_service.hover import hover
from dsl.language_service.navigation import definition
from dsl.products import BelowCost, Charge, Model, OfferPolicies, Phase, Proration, Tier
from dsl.service import Checked, check
from dsl.source import Source

BASE = """\
currency: USD
timezone: UTC
customer: {country: {type: enum, values: [US, GB, DE]}, friends: count, ok: flag}
subscription: {plan: plan, seats: count, turnover: money, billing_interval: {type: enum, values: [month, year]}}
meters: {calls: {unit: calls, kind: counter, resets: billing_period}}
channels: [email]
default_via: [email]
moments: {visit: {event: true, of: subscription}}
"""
PLANS = "plans: {basic: {price: {month: 10}}, team: {rank: 2, price: {month: 30}}}\n"


def read(text: str) -> Catalog:
    catalog, problems = read_catalog(Source("catalog.yaml", BASE + text))
    assert catalog is not None, [one.render() for one in problems]
    return catalog


def checked(catalog: str, rules: str = "") -> Checked:
    return check({"catalog.yaml": BASE + catalog, "a.rules": rules})


def charge(price: str) -> Charge:
    """The one charge of a plan that costs this a month."""
    (only,) = read(f"plans: {{p: {{price: {{month: {price}}}}}}}\n").plans["p"].charges["month"]
    return only


def problems(catalog: str, rules: str = "") -> list[tuple[str, str]]:
    """Each problem's code and the text under its caret."""
    return [(one.code, one.source.slice(one.span)) for one in checked(catalog, rules).diagnostics]


# --- what it says -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("10", Charge(Model.FLAT, "USD", Decimal(1000))),
        ("€9.50", Charge(Model.FLAT, "EUR", Decimal(950))),
        ("{flat: 1000 JPY}", Charge(Model.FLAT, "JPY", Decimal(1000))),
        ("{each: 8 USD, per: seats}", Charge(Model.PER_UNIT, "USD", Decimal(800), per="seats")),
        ("{each: 0.002 USD, per: calls}", Charge(Model.PER_UNIT, "USD", Decimal("0.2"), per="calls")),
        (
            "{each: 8, per: friends, flat: 5, free: 3, minimum: 20, maximum: 99.99, currency: EUR}",
            Charge(
                Model.PER_UNIT,
                "EUR",
                Decimal(800),
                per="friends",
                flat_fee=500,
                free_units=Decimal(3),
                minimum=2000,
                maximum=9999,
            ),
        ),
        (
            "{per: seats, graduated: [{up_to: 5, each: 7, flat: 1}, {each: 6.5 USD}]}",
            Charge(
                Model.GRADUATED,
                "USD",
                tiers=(Tier(Decimal(5), Decimal(700), 100), Tier(None, Decimal(650))),
                per="seats",
            ),
        ),
        (
            "{per: seats, volume: [{each: 7 GBP}]}",
            Charge(Model.VOLUME, "GBP", tiers=(Tier(None, Decimal(700)),), per="seats"),
        ),
        (
            "{per: calls, stair_step: [{up_to: 100, flat: 0}, {flat: 50}]}",
            Charge(Model.STAIR_STEP, "USD", tiers=(Tier(Decimal(100)), Tier(None, flat=5000)), per="calls"),
        ),
        (
            "{package: 5 USD, of: 100, per: calls}",
            Charge(Model.PACKAGE, "USD", Decimal(500), size=Decimal(100), per="calls"),
        ),
        (
            "{percent: 2.9%, per: turnover, flat: 0.30, currency: EUR}",
            Charge(Model.PERCENTAGE, "EUR", percent=Decimal("2.9"), per="turnover", flat_fee=30),
        ),
    ],
)
def test_a_price_is_read_with_its_model(written: str, expected: Charge) -> None:
    assert charge(written) == expected


def test_one_interval_may_have_prices_in_several_currencies() -> None:
    plan = read("plans: {p: {price: {month: [10, 9 EUR, 1500 JPY], year: 100}}}\n").plans["p"]
    assert [one.flat for one in plan.charges["month"]] == [Money(1000, "USD"), Money(900, "EUR"), Money(1500, "JPY")]
    assert plan.prices == {"month": Money(1000, "USD"), "year": Money(10000, "USD")}
    assert plan.currencies == ("EUR", "JPY", "USD")


def test_everything_that_a_product_may_say() -> None:
    catalog = read(
        """\
plans:
  basic: {price: {month: 10}, trial: 2 weeks, entitlements: [raw, "queue jump"], includes: [news]}
  team:
    price: {month: 30}
    rank: 3
    phases: [{for: 3 months, price: {month: 9}}, {for: 1 year, price: {month: 20}}]
    cost: {month: 4}
    excludes: [news]
    from: 2026-01-01
    until: 2026-12-31
addons:
  news: {cost: 40%, price: {month: 2}}
  backup: {price: {month: 5}, needs: [team, news]}
bundles:
  home: {title: Home office, includes: [team, backup], price: {month: 33}}
paths: {basic: [team]}
policies: {below_cost: forbid, horizon: 2 years, proration: at_renewal}
"""
    )
    basic, team, backup = catalog.plans["basic"], catalog.plans["team"], catalog.addons["backup"]
    assert (basic.trial_days, basic.entitlements, basic.includes) == (14, ("raw", "queue jump"), ("news",))
    assert team.phases == (Phase(3, {"month": (Charge(Model.FLAT, "USD", Decimal(900)),)}), team.phases[1])
    assert (team.phases[1].months, team.excludes) == (12, ("news",))
    assert team.flat_cost("month", Money(3000, "USD")) == Money(400, "USD")
    assert team.flat_cost("month", Money(3000, "EUR")) is None
    assert catalog.addons["news"].flat_cost("month", Money(199, "USD")) == Money(80, "USD")
    assert [team.sold_on(dt.date(2026, *day)) for day in ((1, 1), (12, 31))] == [True, True]
    assert not team.sold_on(dt.date(2025, 12, 31))
    assert not team.sold_on(dt.date(2027, 1, 1))
    assert (backup.needs, backup.needs_addons) == (("team",), ("news",))
    assert (catalog.bundles["home"].title, catalog.bundles["home"].includes) == ("Home office", ("team", "backup"))
    assert catalog.policies.offers == OfferPolicies(BelowCost.FORBID, 24, Proration.AT_RENEWAL)
    assert read(PLANS).policies.offers == OfferPolicies(BelowCost.WARN, 12, Proration.BY_DAY)


def test_price_lists_keep_their_order_and_their_currency() -> None:
    lists = read(
        PLANS
        + """\
price_lists:
  uk: {for: {country: GB}, currency: GBP, prices: {basic: {month: 8, year: 80}}}
  students: {for: {segment: students, country: [US, DE]}, currency: USD, prices: {team: {month: 15}}}
"""
    ).price_lists
    assert list(lists) == ["uk", "students"]
    assert (lists["uk"].values, lists["uk"].segment) == ({"country": ("GB",)}, None)
    assert lists["uk"].charges["basic"]["year"][0].flat == Money(8000, "GBP")
    assert (lists["students"].values, lists["students"].segment) == ({"country": ("US", "DE")}, "students")


def test_paths_go_before_rank() -> None:
    plans = "plans: {a: {rank: 1}, b: {rank: 2}, c: {rank: 1}}\n"
    by_rank, by_path = read(plans), read(plans + "paths: {b: [a], c: []}\n")
    assert [by_rank.may_change(*pair) for pair in ("ab", "ba", "ac")] == [True, False, True]
    assert [by_path.may_change(*pair) for pair in ("ab", "ba", "bc", "ca")] == [True, True, False, False]


def test_a_rule_may_offer_a_bundle() -> None:
    catalog = PLANS + "addons: {x: {price: {month: 1}}}\nbundles: {both: {includes: [basic, x], price: {month: 9}}}\n"
    assert problems(catalog, "on visit offer both at 20% off at most once per 9 days") == []


# --- mistakes ---------------------------------------------------------------------------------------------------------


def priced(price: str) -> str:
    return f"plans: {{p: {{price: {price}}}}}\n"


@pytest.mark.parametrize(
    ("catalog", "problem"),
    [
        (priced("{month: -1}"), ("negative-price", "-1")),
        (priced("{month: $-0.01}"), ("negative-price", "$-0.01")),
        (priced("{month: {each: -0.5, per: seats}}"), ("negative-price", "-0.5")),
        (priced("{}"), ("no-price", "{}")),
        (priced("{month: {per: seats}}"), ("no-price", "{per: seats}")),
        (priced("{month: {per: seats, volume: []}}"), ("no-price", "[]")),
        (priced("{month: {per: seats, volume: [{up_to: 3}, {each: 1}]}}"), ("no-price", "{up_to: 3}")),
        (priced("{month: 10 XYZ}"), ("unknown-currency", "10 XYZ")),
        (priced("{month: {flat: 10, currency: dollars}}"), ("unknown-currency", "dollars")),
        (priced("{month: 10.001}"), ("wrong-value", "10.001")),
        (priced("{month: 10.5 JPY}"), ("wrong-value", "10.5 JPY")),
        (priced("{month: 99999999999999999999}"), ("wrong-value", "99999999999999999999")),
        (priced("{week: 10}"), ("unknown-key", "week")),
        (priced("{month: [10, 11 USD]}"), ("price-twice", "11 USD")),
        (
            priced("{month: {each: 1, package: 2, of: 3, per: seats}}"),
            ("price-model", "{each: 1, package: 2, of: 3, per: seats}"),
        ),
        (priced("{month: {flat: 1, of: 3}}"), ("price-model", "3")),
        (priced("{month: {flat: 1, free: 3}}"), ("price-model", "3")),
        (priced("{month: {each: 1}}"), ("price-model", "{each: 1}")),
        (priced("{month: {package: 1, per: seats}}"), ("price-model", "{package: 1, per: seats}")),
        (priced("{month: {package: 1, of: 0, per: seats}}"), ("wrong-value", "0")),
        (
            priced("{month: {per: seats, graduated: [{up_to: 5, each: 1 USD}, {each: 1 EUR}]}}"),
            ("mixed-currencies", "1 EUR"),
        ),
        (priced("{month: {per: seats, volume: [{up_to: 5, each: 1}]}}"), ("tier-order", "{up_to: 5, each: 1}")),
        (
            priced("{month: {per: seats, volume: [{up_to: 5, each: 1}, {up_to: 5, each: 2}, {each: 3}]}}"),
            ("tier-order", "{up_to: 5, each: 2}"),
        ),
        (
            priced("{month: {per: seats, volume: [{up_to: 9, each: 1}, {up_to: 5, each: 2}, {each: 3}]}}"),
            ("tier-order", "{up_to: 5, each: 2}"),
        ),
        (priced("{month: {per: seats, volume: [{each: 1}, {each: 2}]}}"), ("tier-order", "{each: 2}")),
        (priced("{month: {per: seats, stair_step: [{flat: 1, each: 1}]}}"), ("unknown-key", "each")),
        (priced("{month: {each: 1, per: seats, minimum: 5, maximum: 4}}"), ("minimum-over-maximum", "5")),
        (priced("{month: {each: 1, per: seat}}"), ("unknown-quantity", "seat")),
        (priced("{month: {each: 1, per: turnover}}"), ("unknown-quantity", "turnover")),
        (priced("{month: {percent: 5%, per: seats}}"), ("unknown-quantity", "seats")),
        (priced("{month: {percent: 150%, per: turnover}}"), ("wrong-value", "150%")),
        ("addons: {a: {needs: [b]}, b: {needs: [a]}}\n", ("product-circle", "[b]")),
        ("addons: {a: {includes: [a]}}\n", ("product-circle", "[a]")),
        ("addons: {a: {includes: [b]}, b: {includes: [c]}, c: {includes: [a]}}\n", ("product-circle", "[b]")),
        ("addons: {a: {needs: [b], excludes: [b]}, b: }\n", ("excludes-its-own", "[b]")),
        ("plans: {a: }\naddons: {b: }\nbundles: {c: {includes: [a]}}\n", ("bundle-parts", "c")),
        ("plans: {a: , b: }\nbundles: {c: {includes: [a, b]}}\n", ("bundle-parts", "c")),
        ("plans: {a: {from: 2026-02-01, until: 2026-01-31}}\n", ("dates-swapped", "2026-01-31")),
        ("plans: {a: {from: 2026-02-30}}\n", ("wrong-value", "2026-02-30")),
        ("plans: {a: {from: 20260201}}\n", ("wrong-value", "20260201")),
        ("plans: {a: {phases: [{for: 3 days, price: {month: 1}}]}}\n", ("wrong-value", "3 days")),
        ("plans: {a: {phases: [{price: {month: 1}}]}}\n", ("missing-key", "{price: {month: 1}}")),
        ("plans: {a: {price: {month: 9}, phases: [{for: 2 months, price: {year: 3}}]}}\n", ("no-price", "3")),
        ("plans: {a: {price: {month: 9}, phases: [{for: 2 months, price: {month: 3 EUR}}]}}\n", ("no-price", "3 EUR")),
        ("plans: {a: {trial: 1 month}}\n", ("wrong-value", "1 month")),
        ("plans: {a: {excludes: [zz]}}\n", ("unknown-product", "zz")),
        ("plans: {a: {includes: [zz]}}\n", ("unknown-addon", "zz")),
        (PLANS + "addons: {team: }\n", ("given-twice", "team")),
        (PLANS + "bundles: {team: {includes: [basic, team]}}\n", ("given-twice", "team")),
        (PLANS + "paths: {gold: [team]}\n", ("unknown-plan", "gold")),
        (PLANS + "paths: {basic: [gold]}\n", ("unknown-plan", "gold")),
        (
            PLANS + "price_lists: {uk: {for: {country: GB}, prices: {basic: {month: 9}}}}\n",
            ("price-list-currency", "uk"),
        ),
        (PLANS + "price_lists: {uk: {currency: GBP, prices: {basic: {month: 9}}}}\n", ("missing-key", "uk")),
        (PLANS + "price_lists: {uk: {for: {}, currency: GBP, prices: {basic: {month: 9}}}}\n", ("missing-key", "{}")),
        (
            PLANS + "price_lists: {uk: {for: {country: UK}, currency: GBP, prices: {basic: {month: 9}}}}\n",
            ("wrong-value", "UK"),
        ),
        (
            PLANS + "price_lists: {uk: {for: {land: GB}, currency: GBP, prices: {basic: {month: 9}}}}\n",
            ("unknown-attribute", "land"),
        ),
        (
            PLANS + "price_lists: {uk: {for: {country: GB}, currency: GBP, prices: {gold: {month: 9}}}}\n",
            ("unknown-product", "gold"),
        ),
        (
            PLANS + "price_lists: {uk: {for: {country: GB}, currency: GBP, prices: {basic: {month: 9 EUR}}}}\n",
            ("mixed-currencies", "9 EUR"),
        ),
        (
            PLANS + "price_lists: {kids: {for: {segment: kids}, currency: USD, prices: {basic: {month: 9}}}}\n",
            ("unknown-segment", "kids"),
        ),
        ("policies: {below_cost: perhaps}\n", ("wrong-value", "perhaps")),
        ("policies: {proration: by_hour}\n", ("wrong-value", "by_hour")),
        ("policies: {horizon: 12}\n", ("wrong-value", "12")),
        ("policies: {below_cost: forbid}\nplans: {a: {price: {month: 3}, cost: {month: 4}}}\n", ("below-cost", "3")),
        (
            "policies: {below_cost: forbid}\n"
            "plans: {a: {price: {month: 5}, cost: {month: 4}, phases: [{for: 1 month, price: {month: 3}}]}}\n",
            ("below-cost", "3"),
        ),
    ],
)
def test_a_mistake_is_told_at_its_place(catalog: str, problem: tuple[str, str]) -> None:
    assert problems(catalog) == [problem]
    assert any(one.is_error for one in checked(catalog).diagnostics)


def test_a_warning_leaves_the_catalog_usable() -> None:
    """Under the cost where the policy only warns; what costs nothing is meant."""
    cheap = "plans: {a: {price: {month: 3}, cost: {month: 4}}, b: {price: {month: 0}, cost: {month: 4}}}\n"
    found = checked(cheap)
    assert [(one.code, one.is_error) for one in found.diagnostics] == [("below-cost", False)]
    assert found.ruleset is not None
    assert problems("policies: {below_cost: allow}\n" + cheap) == []


COSTLY = "plans: {a: {price: {month: 20}, cost: {month: 12}}, b: {price: {month: 10, year: 100}, cost: 70%}}\n"


@pytest.mark.parametrize(
    ("price", "told"),
    [
        ("a at 40% off", None),
        ("a at 41% off", "11.80 USD a month, less than its cost of 12.00 USD"),
        ("a at $8 off", None),
        ("a at $8.01 off", "11.99 USD a month"),
        ("a at $11.99 for 2 months", "11.99 USD a month"),
        ("a at $12", None),
        ("b at 30% off", None),
        ("b at 31% off", "6.90 USD a month, less than its cost of 7.00 USD"),
        ("best of a, b at 35% off", "b would be 6.50 USD a month"),
    ],
)
def test_a_rule_hears_of_a_price_below_cost(price: str, told: str | None) -> None:
    rule = f"on visit offer {price} at most once per 9 days"
    for policy, is_error in (("warn", False), ("forbid", True)):
        found = checked(f"policies: {{below_cost: {policy}}}\n" + COSTLY, rule).diagnostics
        assert [(one.code, one.is_error) for one in found] == ([("below-cost", is_error)] if told else [])
        assert told is None or told in found[0].message
    assert problems("policies: {below_cost: allow}\n" + COSTLY, rule) == []


def test_an_amount_in_a_currency_of_a_price_list_is_no_mistake() -> None:
    lists = PLANS + "price_lists: {uk: {for: {country: GB}, currency: GBP, prices: {basic: {month: 9}}}}\n"
    assert problems(lists, "on visit offer basic at 5 GBP off at most once per 9 days") == []
    assert problems(lists, "on visit offer team at 5 GBP off at most once per 9 days") == [("other-currency", "GBP")]


# --- in an editor -----------------------------------------------------------------------------------------------------


def test_an_editor_knows_bundles_and_prices_by_quantity() -> None:
    rule = "rule r on visit offer home"
    catalog = (
        "plans: {team: {price: {month: {each: 8, per: seats}, year: 90}}}\naddons: {x: {price: {month: 1}}}\n"
        "bundles: {home: {includes: [team, x], price: {month: 9}}}\n"
    )
    files = {"catalog.yaml": BASE + catalog, "a.rules": rule}
    at = rule.index("home")
    shown = hover(files, "a.rules", at)
    assert shown is not None
    assert shown.text == "bundle home: 9.00 USD a month, with team and x"
    place = definition(files, "a.rules", at)
    assert place is not None
    assert files["catalog.yaml"][place.span.start : place.span.end] == "home"
    offered = {one.label: one.detail for one in complete(files, "a.rules", at)}
    assert offered["home"] == "9.00 USD a month, with team and x"
    assert offered["team"] == "a per unit price by seats a month, 90.00 USD a year"
