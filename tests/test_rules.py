"""The example ruleset: it is right, it covers every moment of the tour, its messages have no holes, and every rule of
it finds somebody among the made-up customers."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from dsl.datatypes import Money
from dsl.messages import Rendered, read_message, render
from dsl.service import check
from dsl.source import Source
from dsl.typed import Offer, Rule, Ruleset, Say
from engine.demo.events import year_of_events
from engine.demo.population import Row, population
from engine.matching.history import Happened, History
from engine.matching.interpreter import holds
from engine.store.events import Event

RULES = Path(__file__).resolve().parents[1] / "rules"
MESSAGES = sorted((RULES / "messages").glob("*.txt"))
TODAY = dt.date(2026, 11, 22)
NOW = dt.datetime(2026, 11, 22, 10, 30, tzinfo=dt.UTC)


def files() -> dict[str, str]:
    found = [RULES / "catalog.yaml", *RULES.glob("*.rules"), *MESSAGES]
    return {path.relative_to(RULES).as_posix(): path.read_text("utf-8") for path in found}


def sentences() -> str:
    return "\n".join(text for path, text in files().items() if path.endswith(".rules"))


@cache
def ruleset() -> Ruleset:
    checked = check(files())
    assert checked.ruleset is not None
    return checked.ruleset


def said(rule: Rule) -> list[str]:
    return [action.message for action in rule.actions if isinstance(action, Say)]


def offered(rule: Rule) -> tuple[str, ...]:
    return next((action.products for action in rule.actions if isinstance(action, Offer)), ())


# --- it is right -----------------------------------------------------------------------------------------------------


def test_it_checks_without_errors() -> None:
    errors = [each.render() for each in check(files()).diagnostics if each.is_error]
    assert not errors, "\n".join(errors)


def test_every_sentence_that_is_written_is_a_rule() -> None:
    """Counted in the text: nothing was skipped."""
    starts = re.findall(r"^(?:rule|on)\b", sentences(), re.M)
    headers = re.findall(r"^rule\b", sentences(), re.M)
    assert len(ruleset().rules) == len(starts)
    assert len(headers) == sum(rule.named for rule in ruleset().rules)
    assert 35 <= len(starts) <= 60


def test_the_sentence_is_there_word_for_word() -> None:
    sentence = "on billing_anniversary where tenure>12 offer premium"
    assert sentence in files()["billing_anniversary.rules"].splitlines()
    rule = ruleset().rule("billing_anniversary_offer_premium")
    assert rule is not None
    assert rule.text.strip() == sentence


def test_every_rule_that_speaks_has_channels_and_every_named_rule_a_title() -> None:
    for rule in ruleset().rules:
        assert rule.via or not (said(rule) or offered(rule)), rule.name
        assert rule.title or not rule.named, rule.name


def test_every_segment_is_used() -> None:
    for name in ruleset().segments:
        assert len(re.findall(rf"\b{name}\b", sentences())) > 1, name


# --- it covers the field ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "moment",
    [
        "billing_anniversary",
        "birthday",
        "signup_anniversary",
        "website_visit",
        "download",
        "upgrade",
        "addon_purchase",
        "usage_alert",
        "email_opened",
        "email_clicked",
        "support_call",
        "trial_ending",
        "renewal",
        "payment_failed",
    ],
)
def test_each_moment_of_the_field_has_a_rule(moment: str) -> None:
    assert any(use.moment == moment for rule in ruleset().rules for use in rule.moments)


def test_every_declared_moment_has_a_rule() -> None:
    used = {use.moment for rule in ruleset().rules for use in rule.moments}
    assert used >= set(ruleset().catalog.moments)


def test_offsets_and_days_of_the_year() -> None:
    uses = {(use.moment, use.offset) for rule in ruleset().rules for use in rule.moments}
    assert {("trial_ending", -3), ("renewal", -14), ("birthday", -7)} <= uses
    assert any(use.date for rule in ruleset().rules for use in rule.moments)


def test_upsell_and_cross_sell_by_preference_place_and_need() -> None:
    """On the day of the bill: a plan and an add-on, chosen by interest, country and use."""
    bills = [rule for rule in ruleset().rules if rule.moments[0].moment == "billing_anniversary"]
    offers = {product for rule in bills for product in offered(rule)}
    assert offers & set(ruleset().catalog.plans)
    assert offers & set(ruleset().catalog.addons)
    text = files()["billing_anniversary.rules"]
    assert "interests includes" in text
    assert "country in" in text
    assert "storage_used >=" in text
    assert "billing_interval is year" in text


@pytest.mark.parametrize(
    "words",
    [
        " in (",
        " between ",
        " is missing",
        " is known",
        " like ",
        " starts with ",
        " ends with ",
        " contains ",
        " includes ",
        "not has ",
        "is tagged ",
        " within ",
        " before 20",
        " or ",
        "not (",
        "priority ",
        "via ",
        "  from 20",
        " until 20",
        "tag ",
        "% off for ",
        " at $2 off for ",
        " at $2 for ",
        "with 1 month free",
        "with backup",
        "best of ",
        "worth $",
        "hold out 10%",
        "  split",
        "at most once per ",
        " customers per day",
        "budget $",
        "expires after ",
        "as service",
        "goal ",
    ],
)
def test_the_ruleset_shows_what_the_language_can_say(words: str) -> None:
    assert words in sentences()


def test_the_catalog_declares_every_policy_of_contacts() -> None:
    """Each of them has a value: the guide sends its reader here."""
    said = ruleset().catalog.policies
    for each in ("consent", "service_consent", "suppression", "caps", "quiet", "slots", "hold_out", "largest_discount"):
        assert getattr(said, each), each
    assert said.after_decline
    assert said.after_offer
    assert said.between_offers
    assert said.propensity is not None
    assert said.propensity.explore


def test_an_experiment_has_two_arms_and_leaves_some_alone() -> None:
    (rule,) = [each for each in ruleset().rules if each.split]
    assert len(rule.split) == 2
    assert sum(arm.share for arm in rule.split) < 100


def test_country_norway_is_not_false() -> None:
    assert "NO" in ruleset().catalog.customer["country"].type.values


# --- its messages ----------------------------------------------------------------------------------------------------


def test_every_message_is_sent_by_a_rule_and_every_rule_has_its_message() -> None:
    sent = {name for rule in ruleset().rules for name in said(rule) if not name.startswith('"')}
    assert sent == {path.stem for path in MESSAGES}


def rendered(path: Path, variables: Mapping[str, object]) -> Rendered:
    message, diagnostics = read_message(Source(f"messages/{path.name}", path.read_text("utf-8")))
    assert message is not None, "\n".join(each.render() for each in diagnostics)
    return render(message, variables)


OFFER = {"name": "Premium", "price": "24.00 USD", "list_price": "24.00 USD"}
# What conditions and moments make sure of; all else may be missing.
SURE: dict[str, dict[str, object]] = {
    "black_friday": {"storage_used": 81},
    "become_an_ambassador": {"tenure": 31, "satisfaction": 9},
    "giving_tuesday": {"cause": "climate"},
    "premium_for_the_loyal": {"tenure": 31},
    "renewal_note": {"renews_on": dt.date(2026, 12, 6), "plan": "basic"},
    "renewal_upgrade": {"renews_on": dt.date(2026, 12, 6)},
    "room_to_grow": {"storage_used": 61},
    "space_for_film": {"storage_used": 76},
    "storage_is_full": {"event": {"used": 101.5, "quota": 100.0}},
    "storage_nearly_full": {"event": {"used": 4.1, "quota": 5.0}},
    "trial_ends_soon": {"trial_ends_on": dt.date(2026, 11, 25)},
    "trial_on_basic": {"trial_ends_on": dt.date(2026, 11, 25)},
    "welcome_to_more": {"event": {"to_plan": "premium"}},
}
HOLE = re.compile(r" [,.;:!?)]|\(\)|  |\{\{|\{%|\bNone\b|^\s*,|\bon \.|^[,%]")


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_no_message_has_a_hole(path: Path) -> None:
    """For a customer of whom we know only what the rule asked for."""
    text = rendered(path, {"offer": OFFER, **SURE.get(path.stem, {})})
    for part in (text.subject, *text.body.splitlines()):
        assert not HOLE.search(part), part
    assert text.subject.strip()
    assert text.body.strip()


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_a_message_uses_what_is_known(path: Path) -> None:
    known: dict[str, object] = {"offer": OFFER, "first_name": "Åse", "cause": "climate", "tenure": 14}
    text = rendered(path, known | SURE.get(path.stem, {}))
    source = path.read_text("utf-8")
    for name, value in (("first_name", "Åse"), ("offer.price", "24.00 USD")):
        if f"{{{{ {name}" in source:
            assert value in text.subject + text.body


def test_dates_are_written_for_people() -> None:
    path = RULES / "messages" / "renewal_note.txt"
    assert rendered(path, SURE["renewal_note"]).subject == "Your yearly bill on 6 December 2026"


# --- it finds somebody -----------------------------------------------------------------------------------------------


@cache
def world() -> tuple[dict[str, Row], dict[str, list[Row]], dict[str, list[Event]]]:
    """A made-up population: customers by id, their subscriptions, and the year's events by moment."""
    customers, subscriptions = population(ruleset().catalog, 4_000, TODAY, seed=6)
    held: dict[str, list[Row]] = defaultdict(list)
    for row in subscriptions:
        held[str(row["customer.id"])].append(row)
    happened: dict[str, list[Event]] = defaultdict(list)
    for event in year_of_events(ruleset().catalog, customers, subscriptions, NOW, seed=6):
        happened[event.moment].append(event)
    return {str(row["customer.id"]): row for row in customers}, held, happened


@cache
def occurrences(moment: str) -> list[Row]:
    """Rows that a rule of this moment is tried on: everybody, or some of the year's events of the kind."""
    return [row for row, _ in meetings(moment)]


@cache
def past() -> dict[str, list[Happened]]:
    """What happened to each customer."""
    found: dict[str, list[Happened]] = defaultdict(list)
    for told in world()[2].values():
        for event in told:
            found[event.customer_id].append(Happened(event.moment, event.occurred_at, event.properties))
    return found


@cache
def meetings(moment: str, delay: dt.timedelta = dt.timedelta(0)) -> list[tuple[Row, History]]:
    """The same, each with what happened to the customer by the time of the occasion."""
    customers, held, happened = world()
    if moment not in happened:
        pairs = [(row, each) for key, row in customers.items() for each in held.get(key) or [{}]]
        return [({**row, **each}, History(NOW, dt.UTC, past()[str(row["customer.id"])])) for row, each in pairs]
    rows = []
    for event in happened[moment][-5_000:]:
        properties = {f"event.{name}": value for name, value in event.properties.items()}
        mine = held.get(event.customer_id) or [{}]
        wanted = [row for row in mine if event.subscription_id in (None, row.get("subscription.id"))]
        history = History(event.occurred_at + delay, dt.UTC, past()[event.customer_id])
        rows += [({**customers[event.customer_id], **row, **properties}, history) for row in wanted]
    return rows


def test_every_rule_finds_somebody_and_not_everybody() -> None:
    """Over all who could meet the moment, whenever that is: a condition that nobody meets is a mistake in the rule."""
    for rule in ruleset().rules:
        rows = meetings(rule.moments[0].moment, rule.moments[0].delay)
        matched = sum(holds(rule.condition, row, TODAY, history) is True for row, history in rows)
        assert matched > 0, f"{rule.name} finds nobody among {len(rows):,}"
        assert matched < len(rows) or rule.name == "birthday_say", rule.name


def test_the_sentence_means_more_than_twelve_months() -> None:
    """By hand: the thirteenth month has begun for those whose start, thirteen months on, is not after today."""
    rule = ruleset().rule("billing_anniversary_offer_premium")
    assert rule is not None
    latest = dt.date(2025, 10, 22)
    for row in occurrences("billing_anniversary"):
        started = row.get("subscription.started_on")
        expected = None if started is None else started <= latest
        assert holds(rule.condition, row, TODAY) is expected


def test_prices_are_in_the_currency_of_the_catalog() -> None:
    catalog = ruleset().catalog
    products = (*catalog.plans.values(), *catalog.addons.values())
    prices = [price for product in products for price in product.prices.values()]
    assert all(isinstance(price, Money) and price.currency == catalog.currency for price in prices)


# --- its guide -------------------------------------------------------------------------------------------------------


def test_the_guide_lists_every_file_and_quotes_rules_as_they_are() -> None:
    guide = (RULES / "README.md").read_text("utf-8")
    for path in RULES.glob("*.rules"):
        assert f"({path.name})" in guide, path.name
    quoted = re.findall(r"^    rule .*\n(?:      .*\n)+", guide, re.M)
    assert quoted
    for block in quoted:
        text = "\n".join(line[4:] for line in block.splitlines())
        assert any(text in source for source in files().values()), text
