"""Quotes: what each price phrase comes to, bill by bill, on which days, and what it is worth; worked by hand."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from pricing_world import BASE, DAY, PLANS, amounts, catalog, offer, outcome, quoted

from dsl.catalog_reader import read_catalog
from dsl.datatypes import Money
from dsl.source import Source
from dsl.typed import Offer, PercentOff
from engine.pricing.quotes import Quote, quote
from engine.pricing.refusals import WORDING, Refused
from engine.pricing.situations import Situation, price_list_of, reads, situation_of
from engine.pricing.words import offer_words

ON_THE_DAY = dt.date(2025, 11, 15)  # bills fall on the 15th, so on DAY
BASIC = Situation("basic", currency="USD", anchor=ON_THE_DAY)
YEARLY = Situation("basic", "year", "USD", anchor=dt.date(2024, 3, 15))


def usd(amount: str) -> Money:
    return Money(int(amount.replace(".", "")), "USD")


# --- price phrases ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("premium", [4000] * 13),
        ("premium at 20% off", [3200] * 13),
        ("premium at 20% off for 1 month", [3200] + [4000] * 12),
        ("premium at 20% off for 3 months", [3200] * 3 + [4000] * 10),
        ("premium at 20% off for 1 year", [3200] * 12 + [4000]),
        ("premium at 12.5% off for 2 months", [3500] * 2 + [4000] * 11),
        ("premium at 100% off for 1 month", [0] + [4000] * 12),
        ("premium at $5 off", [3500] * 13),
        ("premium at $45 off for 2 months", [0] * 2 + [4000] * 11),
        ("premium at $29.99 for 6 months", [2999] * 6 + [4000] * 7),
        ("premium at $99", [4000] * 13),  # an offer is no reason to pay more
        ("premium with 2 months free", [0] * 2 + [4000] * 11),
        # the free month is one of the three reduced ones
        ("premium at 20% off for 3 months with 1 month free", [0, 3200, 3200] + [4000] * 10),
        ("premium at $5 off with 1 month free", [0] + [3500] * 12),
        ("starter", [500, 500, 1000] + [2000] * 10),
        ("starter at 50% off for 4 months", [250, 250, 500, 1000] + [2000] * 9),
        ("starter with 2 months free", [0, 0, 1000] + [2000] * 10),
        ("backup at 10% off for 2 months", [450] * 2 + [500] * 11),
        ("home at 50% off for 1 month", [2100] + [4200] * 12),
        ("duo", [4500] * 13),
    ],
)
def test_monthly_bills(words: str, expected: list[int]):
    assert amounts(quoted(words, BASIC)) == expected


@pytest.mark.parametrize(
    ("words", "first", "second"),
    [
        ("premium", 40000, 40000),
        ("premium at 20% off", 32000, 32000),
        ("premium at 20% off for 3 months", 38000, 40000),  # 3/12 of 320 and 9/12 of 400
        ("premium at 20% off for 12 months", 32000, 40000),
        ("premium at 20% off for 18 months", 32000, 36000),
        ("premium at $24 off for 1 month", 39800, 40000),  # one twelfth of 24
        ("premium with 1 month free", 36667, 40000),  # 366.666...
        ("premium at $24 off with 1 month free", 34467, 37600),  # 11/12 of 376, not 366.67 - 24
        ("premium at $300 for 6 months", 35000, 40000),
        ("starter", 21000, 24000),  # 2/12 of 60, 10/12 of 240: the third month has no yearly price of its own
        ("backup", 6000, 6000),  # twelve months at once
    ],
)
def test_yearly_bills(words: str, first: int, second: int):
    assert amounts(quoted(words, YEARLY))[:2] == [first, second]


def test_a_bill_says_what_of_it_is_the_discount():
    one, two = quoted("premium at 20% off for 1 month", BASIC).invoices[:2]
    assert (one.day, one.full, one.discount, one.amount) == (DAY, usd("40.00"), usd("8.00"), usd("32.00"))
    assert (two.day, two.discount, two.parts) == (dt.date(2026, 4, 15), usd("0.00"), (("premium", usd("40.00")),))


def test_a_bundles_amount_is_shared_by_the_prices_of_its_parts():
    """42.00 by 40 to 5 is 37.333 and 4.667."""
    found = quoted("home", BASIC)
    assert found.invoices[0].parts == (("premium", usd("37.33")), ("backup", usd("4.67")))
    assert (found.list_price, found.today) == (usd("42.00"), usd("10.00"))


def test_currencies_keep_their_decimals():
    yen = Situation("basic", currency="JPY", anchor=ON_THE_DAY)
    assert amounts(quoted("premium at 12.5% off", yen))[0] == 5250
    assert quoted("premium at 33% off", yen).price == Money(4020, "JPY")
    assert amounts(quoted("backup at 50% off", Situation("basic", currency="EUR")))[0] == 225


# --- what is told of it ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "price", "saving", "cost", "value"),
    [
        # margins over 12 months: premium 12 x (40 - 10) = 360, less basic's 12 x (10 - 4) = 72
        ("premium", "40.00", "0.00", "0.00", "288.00"),
        ("premium at 20% off for 3 months", "32.00", "24.00", "24.00", "264.00"),
        ("premium at 20% off", "32.00", "96.00", "96.00", "192.00"),
        ("premium at 20% off for 2 years", "32.00", "192.00", "192.00", "192.00"),
        ("premium with 1 month free", "40.00", "40.00", "40.00", "248.00"),
        ("premium at 20% off for 1 month with 1 month free", "40.00", "40.00", "40.00", "248.00"),
        # backup: 12 x 5 given away, at a cost to us of 12 x 1
        ("premium with backup", "40.00", "0.00", "60.00", "276.00"),
        ("premium at 20% off for 3 months with backup", "32.00", "24.00", "84.00", "252.00"),
        ("backup", "5.00", "0.00", "0.00", "48.00"),
        ("relay", "3.00", "0.00", "0.00", "36.00"),  # without a cost all of it
        ("home", "42.00", "0.00", "0.00", "300.00"),  # 12 x (42 - 11) - 72
        ("starter", "5.00", "0.00", "0.00", "128.00"),  # 2 x 5 + 10 + 9 x 20 - 72
    ],
)
def test_price_saving_cost_and_value(words: str, price: str, saving: str, cost: str, value: str):
    found = quoted(words, BASIC)
    told = (found.price, found.saving, found.discount_cost, found.value)
    assert told == (usd(price), usd(saving), usd(cost), usd(value))


def test_the_horizon_is_a_policy():
    """24 months: 24 x 30 - 24 x 6; a year's bills count by their months."""
    assert quoted("premium", BASIC, policies="horizon: 2 years").value == usd("576.00")
    assert quoted("premium at 10% off", BASIC, policies="horizon: 6 months").saving == usd("24.00")
    assert quoted("premium", YEARLY, policies="horizon: 18 months").value == usd("360.00")


def test_what_is_paid_today():
    assert quoted("premium", BASIC).today == usd("10.00")
    assert quoted("backup", BASIC).today == usd("0.00")
    assert quoted("premium", Situation(currency="USD")).today == usd("0.00")
    assert quoted("premium", Situation("starter", currency="USD")).today is None  # in which phase nobody knows
    assert quoted("premium", Situation("long_gone", currency="USD")).today is None


def test_the_words_of_a_message_come_from_the_quote():
    found = quoted("premium at 20% off for 3 months", BASIC)
    assert offer_words(catalog(), "premium", found) == {
        "name": "Premium",
        "price": "32.00 USD",
        "list_price": "40.00 USD",
        "today": "10.00 USD",
        "saving": "24.00 USD",
        "until": dt.date(2026, 6, 14),
        "interval": "month",
    }
    free = offer_words(catalog(), "premium", quoted("premium with 1 month free", BASIC))
    assert (free["free_months"], free["free_until"], "until" in free) == (1, dt.date(2026, 4, 14), False)
    assert offer_words(catalog(), "relay", Refused("no_price", "relay a month in EUR")) == {"name": "Relay"}


# --- dates -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("anchor", "days", "until"),
    [
        (dt.date(2025, 12, 31), ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"], "2026-04-29"),
        (dt.date(2025, 12, 30), ["2026-01-30", "2026-02-28", "2026-03-30", "2026-04-30"], "2026-04-29"),
        (dt.date(2025, 12, 29), ["2026-01-29", "2026-02-28", "2026-03-29", "2026-04-29"], "2026-04-28"),
        (dt.date(2027, 11, 30), ["2028-01-30", "2028-02-29", "2028-03-30", "2028-04-30"], "2028-04-29"),
        (dt.date(2026, 1, 1), ["2026-02-01", "2026-03-01", "2026-04-01", "2026-05-01"], "2026-04-30"),
    ],
)
def test_three_months_are_three_bills_whatever_the_anchor_day(anchor: dt.date, days: list[str], until: str):
    """As in Kill Bill: the bill cycle day is kept, a shorter month's last day stands in for it."""
    first = dt.date.fromisoformat(days[0])
    found = quoted("premium at 20% off for 3 months", Situation("basic", currency="USD", anchor=anchor), first)
    assert [str(day) for day in found.days[:4]] == days
    assert amounts(found)[:4] == [3200, 3200, 3200, 4000]
    assert (str(found.until), found.now, found.starts) == (until, None, first)


@pytest.mark.parametrize(
    ("words", "until", "free_until"),
    [
        ("premium at 20% off", None, None),
        ("premium at 20% off for 3 months", "2026-06-14", None),
        ("premium at 20% off for 12 months", "2027-03-14", None),
        ("premium at 20% off for 14 months with 2 months free", "2027-05-14", "2026-05-14"),
        ("premium at 20% off for 2 months with 2 months free", None, "2026-05-14"),
        ("starter", "2026-05-14", None),
    ],
)
@pytest.mark.parametrize("situation", [BASIC, YEARLY])
def test_a_price_ends_on_a_local_day(words: str, until: str | None, free_until: str | None, situation: Situation):
    found = quoted(words, situation)
    assert [None if day is None else str(day) for day in (found.until, found.free_until)] == [until, free_until]


def test_a_leap_day_is_kept_as_the_moment_says():
    leap = Situation("basic", "year", "USD", anchor=dt.date(2024, 2, 29))
    found = quoted("premium at 20% off for 2 years", leap, dt.date(2026, 2, 28))
    assert [str(day) for day in found.days[:3]] == ["2026-02-28", "2027-02-28", "2028-02-29"]
    assert str(found.until) == "2028-02-28"


def test_a_leap_day_may_be_kept_in_march():
    text = BASE.replace("from: started_on}", "from: started_on, leap_day: mar1}") + PLANS.partition("price_lists")[0]
    own, problems = read_catalog(Source("catalog.yaml", text))
    assert own is not None, problems
    leap = Situation("basic", "year", "USD", anchor=dt.date(2024, 2, 29))
    found = quote(own, offer("premium at 20% off for 2 years"), "premium", leap, dt.date(2026, 3, 1))
    assert isinstance(found, Quote)
    assert [str(day) for day in found.days[:3]] == ["2026-03-01", "2027-03-01", "2028-02-29"]
    assert (str(found.until), found.now) == ("2028-02-28", None)


def test_a_new_subscription_begins_on_the_day_or_after_its_trial():
    found = quoted("premium", Situation(currency="USD"))
    assert (found.days[:2], found.trial_until) == ((DAY, dt.date(2026, 4, 15)), None)
    trial = quoted("starter", Situation(currency="USD"))
    assert (trial.starts, trial.trial_until) == (DAY, dt.date(2026, 3, 28))
    assert trial.days[:2] == (dt.date(2026, 3, 29), dt.date(2026, 4, 29))
    assert quoted("starter", BASIC).trial_until is None  # who changes the plan has tried the product


# --- between two bills -----------------------------------------------------------------------------------------------

APRIL = Situation("basic", currency="USD", anchor=dt.date(2025, 4, 1))
MIDDLE = dt.date(2026, 4, 16)  # 15 of the 30 days of April are left


def test_half_a_period_costs_half_of_the_difference():
    """Stripe, Prorations: from 10 to 20 dollars a month in the middle of it is 10 less 5, so 5 dollars now."""
    found = quoted("premium at $20", APRIL, MIDDLE)
    assert found.now is not None
    assert (found.now.left, found.now.whole) == (15, 30)
    assert (found.now.charge, found.now.credit, found.now.due) == (usd("10.00"), usd("5.00"), usd("5.00"))
    assert (found.starts, found.days[0], amounts(found)[0]) == (MIDDLE, dt.date(2026, 5, 1), 2000)


def test_days_are_counted_in_the_anchored_period():
    """Anchored on the 31st: 28 February to 31 March has 31 days, of which 16 are left on the 15th."""
    found = quoted("premium at 20% off for 3 months", Situation("basic", currency="USD", anchor=dt.date(2026, 1, 31)))
    assert found.now is not None
    assert (found.now.left, found.now.whole, found.days[0]) == (16, 31, dt.date(2026, 3, 31))
    assert (found.now.charge, found.now.credit) == (usd("16.52"), usd("5.16"))  # 16/31 of 32 and of 10
    assert amounts(found)[:4] == [3200, 3200, 3200, 4000]  # the rest of March is none of the three
    assert found.until == dt.date(2026, 6, 29)


def test_a_credit_above_the_charge_is_carried_over():
    found = quoted("basic", Situation("premium", currency="USD", anchor=dt.date(2025, 4, 1)), MIDDLE)
    assert found.now is not None
    assert (found.now.due, found.now.carried) == (usd("0.00"), usd("15.00"))
    free = quoted("premium with 1 month free", APRIL, MIDDLE)
    assert free.now is not None
    assert (free.now.charge, free.now.due, free.now.carried) == (usd("0.00"), usd("0.00"), usd("5.00"))


def test_other_ways_are_policies():
    renewal = quoted("premium", APRIL, MIDDLE, "proration: at_renewal")
    assert (renewal.now, renewal.starts, renewal.days[0]) == (None, dt.date(2026, 5, 1), dt.date(2026, 5, 1))
    nothing = quoted("premium", APRIL, MIDDLE, "proration: none")
    assert (nothing.now, nothing.starts, nothing.days[0]) == (None, MIDDLE, dt.date(2026, 5, 1))


@pytest.mark.parametrize(
    ("zone", "at", "left", "whole", "due"),
    [
        # Noon in the middle of April: 14.5 of 30 days are left of 40 less 10 dollars.
        ("UTC", "2026-04-16T12:00:00", 1_252_800, 2_592_000, "14.50"),
        ("UTC", None, 1_296_000, 2_592_000, "15.00"),
        ("UTC", "2026-04-16T23:59:59.5", 1_209_600, 2_592_000, "14.00"),
        # In March the clocks of New York go forward: the period from 1 March to 1 April is an hour short.
        ("America/New_York", "2026-03-08T00:00:00", 24 * 86400 - 3600, 31 * 86400 - 3600, "23.22"),
        ("America/New_York", "2026-03-09T00:00:00", 23 * 86400, 31 * 86400 - 3600, "22.29"),
    ],
)
def test_seconds_are_counted_from_the_instant(zone: str, at: str | None, left: int, whole: int, due: str):
    taken = dt.datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(zone)) if at else None
    day = taken.date() if taken else MIDDLE
    found = quote(catalog("proration: by_second"), offer("premium"), "premium", APRIL, day, taken)
    assert isinstance(found, Quote)
    assert found.now is not None
    assert (found.now.left, found.now.whole, found.now.unit, found.now.due) == (left, whole, "seconds", usd(due))


def test_an_unknown_price_gives_no_credit_and_no_sum():
    found = quoted("premium", Situation("starter", currency="USD", anchor=dt.date(2025, 4, 1)), MIDDLE)
    assert found.now is not None
    assert (found.now.charge, found.now.credit, found.now.due, found.now.carried) == (usd("20.00"), None, None, None)


# --- where there is no price -----------------------------------------------------------------------------------------

EURO = Situation("basic", currency="EUR")


@pytest.mark.parametrize(
    ("words", "situation", "reason", "told"),
    [
        (
            "premium at $5 off",
            EURO,
            "other_currency",
            "the offer's price is in USD, and the customer pays in another currency",
        ),
        (
            "premium at $29.99",
            EURO,
            "other_currency",
            "the offer's price is in USD, and the customer pays in another currency",
        ),
        ("relay", EURO, "no_price", "there is no price of relay a month in EUR"),
        ("premium with relay", EURO, "no_price", "there is no price of relay a month in EUR"),
        ("premium", Situation("basic", "year", "EUR"), "no_price", "there is no price of premium a year in EUR"),
        ("metered", Situation("basic", "year"), "no_price", "there is no price of metered a year in USD"),
        ("duo", Situation("basic", currency="JPY"), "no_price", "there is no price of backup a month in JPY"),
        (
            "premium",
            Situation("basic", currency="USD", price_list="uk"),
            "price_list_currency",
            "the price list uk is in GBP, the subscription in USD",
        ),
        ("team", BASIC, "unknown_quantity", "seats is not known, and the price depends on it"),
        ("metered", BASIC, "unknown_quantity", "calls is not known, and the price depends on it"),
        ("summer", BASIC, "not_sold_now", "summer is not sold on that day"),
    ],
)
def test_a_reason_and_never_a_wrong_price(words: str, situation: Situation, reason: str, told: str):
    found = outcome(words, situation)
    assert isinstance(found, Refused)
    assert (found.reason, found.sentence) == (reason, told)
    assert reason in WORDING


def test_below_cost_is_refused_where_the_policy_forbids_it():
    forbid = "below_cost: forbid"
    found = outcome("premium at 76% off", BASIC, policies=forbid)
    assert isinstance(found, Refused)
    assert (found.reason, found.sentence) == ("below_cost", "premium would be sold for less than it costs")
    assert quoted("premium at 75% off", BASIC, policies=forbid).price == usd("10.00")
    assert quoted("premium at 76% off", BASIC).price == usd("9.60")
    team = Situation("basic", currency="USD", quantities={"subscription.seats": Fraction(5)})
    assert isinstance(outcome("team at 76% off", team, policies=forbid), Refused)
    assert quoted("team at 75% off", team, policies=forbid).price == usd("10.00")


def test_below_cost_is_asked_of_every_month_that_is_reduced():
    """A dear first phase does not hide what follows; a reduction that ends with it, or is all free, is none."""
    phases = "phases: [{for: 2 months, price: {month: 50 USD}}]"
    plans = f"plans: {{p: {{price: {{month: 20 USD}}, cost: {{month: 15 USD}}, {phases}}}}}\n"
    own = catalog("below_cost: forbid", plans)

    def refused(price: PercentOff, free_months: int = 0) -> bool:
        return isinstance(quote(own, Offer(("p",), price, free_months=free_months), "p", BASIC, DAY), Refused)

    assert refused(PercentOff(Decimal(40), None))
    assert refused(PercentOff(Decimal(40), 3))
    assert not refused(PercentOff(Decimal(40), 2))
    assert not refused(PercentOff(Decimal(25), None))
    assert not refused(PercentOff(Decimal(80), 2), free_months=2)


def test_what_is_sold_for_some_months_has_a_first_and_a_last_day():
    days = [dt.date(2026, 5, 31), dt.date(2026, 6, 1), dt.date(2026, 8, 31), dt.date(2026, 9, 1)]
    assert [isinstance(outcome("summer", BASIC, day), Quote) for day in days] == [False, True, True, False]


# --- quantities and price lists --------------------------------------------------------------------------------------


def test_a_price_per_seat_and_a_price_per_call():
    told = {"subscription.seats": Fraction(7), "usage.calls": Fraction(1251)}
    busy = Situation("basic", currency="USD", anchor=ON_THE_DAY, quantities=told)
    assert quoted("team at 10% off", busy).price == usd("50.40")
    assert quoted("metered", busy).price == usd("10.50")  # 10 and 251 calls at 0.2 cents


def test_a_price_list_goes_before_the_products_own_prices():
    uk = Situation("basic", currency="GBP", price_list="uk", anchor=ON_THE_DAY)
    assert quoted("premium at 10% off", uk).price == Money(2970, "GBP")
    students = Situation("basic", currency="USD", price_list="students", anchor=ON_THE_DAY)
    assert amounts(quoted("starter", students)) == [1200] * 13  # a list has no phases
    assert quoted("relay", students).price == usd("3.00")  # what the list leaves out costs what it costs
    assert quoted("premium", Situation("basic", price_list="uk")).price == Money(3300, "GBP")


def test_the_first_price_list_that_fits_is_the_customers():
    student = {"segment.students": True}
    assert price_list_of(catalog(), {"customer.country": "GB", **student}) == "uk"
    assert price_list_of(catalog(), {"customer.country": "DE", **student}) == "students"
    assert price_list_of(catalog(), {"segment.students": False}) is None
    assert price_list_of(catalog(), {}) is None


def test_a_situation_is_read_from_a_row():
    row = {
        "subscription.plan": "basic",
        "subscription.currency": "EUR",
        "subscription.billing_interval": "year",
        "subscription.started_on": DAY,
        "subscription.seats": 3,
        "subscription.turnover": usd("9.00"),
        "usage.calls": 0.1,
        "customer.country": "GB",
    }
    told = {
        "subscription.seats": Fraction(3),
        "usage.calls": Fraction(1, 10),
        "subscription.turnover": usd("9.00"),
    }
    assert situation_of(catalog(), row) == Situation("basic", "year", "EUR", "uk", told, DAY)
    assert situation_of(catalog(), {}) == Situation()
    stored = {key for key in row if not key.startswith("usage.")}
    assert {one.key for one in reads(catalog())} == stored


def test_a_percentage_is_of_money_in_the_same_currency():
    def with_turnover(money: Money) -> Situation:
        return Situation("basic", currency="USD", quantities={"subscription.turnover": money})

    assert quoted("cut", with_turnover(usd("100.00"))).price == usd("3.20")
    assert outcome("cut", with_turnover(Money(10000, "EUR"))) == Refused("unknown_quantity", "turnover")
