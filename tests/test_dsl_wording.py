"""Plain English says what is meant, for every operator and every part of a rule."""

from __future__ import annotations

import pytest
from language import only_rule

from dsl.operators import OPERATORS
from dsl.printer import test_text as printed
from dsl.typed import Condition, Not, Relation
from dsl.typed import Test as Leaf
from dsl.wording import plain, sentence


def condition(text: str) -> Condition:
    return only_rule(f'rule r on website_visit where {text} say "hello"').condition


CLAUSES = [
    ("tenure>12", "tenure is more than 12 months", "tenure > 12 months"),
    ("tenure > 1 year", "tenure is more than 12 months", "tenure > 12 months"),
    ("tenure <= 1", "tenure is at most 1 month", "tenure <= 1 month"),
    ("tenure < 2 weeks", "tenure is less than 14 days", "tenure < 14 days"),
    ("tenure between 3 and 6", "tenure is between 3 months and 6 months", "tenure between 3 months and 6 months"),
    ("country = US", "country is US", "country = US"),
    ("country in (US, DE, FR)", "country is US, DE or FR", "country in (US, DE, FR)"),
    ("country not in (US, DE)", "country is not US or DE", "country not in (US, DE)"),
    ("plan is not basic", "plan is not basic", "plan != basic"),
    ("plan is missing", "plan is missing", "plan is missing"),
    ("country is known", "country is known", "country is known"),
    ("mrr >= 240 EUR", "mrr is at least 240 EUR", "mrr >= 240 EUR"),
    ("mrr > $1200.50", "mrr is more than 1,200.50 USD", "mrr > 1200.50 USD"),
    ("mrr > 50", "mrr is more than 50 in its own currency", "mrr > 50"),
    ("autopay", "autopay is true", "autopay"),
    ("autopay = false", "autopay is false", "not autopay"),
    ("satisfaction >= 7.5", "satisfaction is at least 7.5", "satisfaction >= 7.5"),
    ("started_on before 2025-01-01", "started on is before 1 January 2025", "started_on < 2025-01-01"),
    ("renews_on within 7 days", "renews on is within the next 7 days", "renews_on within 7 days"),
    ("started_on within last 1 day", "started on is within the last 1 day", "started_on within last 1 day"),
    ("renews_on within 2 months", "renews on is within the next 2 months", "renews_on within 2 months"),
    ("started_on within last 1 year", "started on is within the last 12 months", "started_on within last 12 months"),
    ("started_on more than 2 weeks ago", "started on is more than 14 days ago", "started_on more than 14 days ago"),
    ("started_on less than 1 year ago", "started on is less than 12 months ago", "started_on less than 12 months ago"),
    ('page like "/pricing*"', 'page looks like "/pricing*"', 'page like "/pricing*"'),
    ('page starts with "/"', 'page starts with "/"', 'page starts with "/"'),
    ('page ends with "x"', 'page ends with "x"', 'page ends with "x"'),
    ('page contains "a\\"b"', 'page contains "a\\"b"', 'page contains "a\\"b"'),
    ("interests includes sport", "interests includes sport", "interests includes sport"),
    ("has storage_plus", "they have the add-on storage plus", "has storage_plus"),
    ("is tagged vip", "they are tagged vip", "is tagged vip"),
    (
        "count of support_call in last 30 days < 3",
        "the number of support call events in the last 30 days is less than 3",
        "count of support_call in last 30 days < 3",
    ),
    (
        'count of download in last 1 week where (product = "desktop") >= 2',
        'the number of download events in the last week (where product is "desktop") is at least 2',
        'count of download where (product = "desktop") in last 1 week >= 2',
    ),
    (
        "any payment_failed in last 12 months",
        "there was a payment failed event in the last 12 months",
        "any payment_failed in last 12 months",
    ),
    (
        "no account_shared in last 1 day",
        "there was no account shared event in the last day",
        "no account_shared in last 1 day",
    ),
    ("count of upgrade > 0", "there was an upgrade event", "any upgrade"),
    (
        "sum of amount of purchase in last 90 days > $100",
        "the total amount of purchase events in the last 90 days is more than 100 USD",
        "sum of amount of purchase in last 90 days > 100 USD",
    ),
    (
        "sum of minutes of support_call < 10.5",
        "the total minutes of support call events is less than 10.5",
        "sum of minutes of support_call < 10.5",
    ),
    (
        "last website_visit more than 14 days ago",
        "the last website visit event was more than 14 days ago",
        "last website_visit more than 14 days ago",
    ),
    (
        "last website_visit less than 36 hours ago",
        "the last website visit event was less than 36 hours ago",
        "last website_visit less than 36 hours ago",
    ),
    (
        "last purchase less than 1 year ago",
        "the last purchase event was less than 12 months ago",
        "last purchase less than 12 months ago",
    ),
    (
        "last purchase before 2026-01-01",
        "the last purchase event was before 1 January 2026",
        "last purchase < 2026-01-01",
    ),
    (
        "last purchase within last 7 days",
        "the last purchase event was within the last 7 days",
        "last purchase within last 7 days",
    ),
    ("last purchase is known", "there was a purchase event", "last purchase is known"),
    ("last upgrade is missing", "there was no upgrade event", "last upgrade is missing"),
    ("usage of storage > 40", "the usage of storage is more than 40", "usage of storage > 40"),
    (
        "was offered premium in last 90 days",
        "they were offered premium in the last 90 days",
        "was offered premium in last 90 days",
    ),
    ("accepted any in last 1 year", "they accepted any offer in the last year", "accepted any in last 1 year"),
    ("mrr * 12 >= 240 USD", "mrr times 12 is at least 240 USD", "mrr * 12 >= 240 USD"),
    ("mrr + $5 < $50", "mrr plus 5 USD is less than 50 USD", "mrr + 5 USD < 50 USD"),
    ("mrr / $5 > 3", "mrr divided by 5 USD is more than 3", "mrr / 5 USD > 3"),
    ("mrr / 5 > 3", "mrr divided by 5 is more than 3 in its own currency", "mrr / 5 > 3"),
    ("80% of mrr > $8", "80% of mrr is more than 8 USD", "80% of mrr > 8 USD"),
    ("(seats + 1) * 2 > 10", "(seats plus 1) times 2 is more than 10", "(seats + 1) * 2 > 10"),
    ("seats - (1 + 2 * 3) > 10 / 4", "seats minus 7 is more than 2.5", "seats - 7 > 2.5"),
    (
        "10 < seats - (satisfaction - 1)",
        "seats minus (satisfaction minus 1) is more than 10",
        "seats - (satisfaction - 1) > 10",
    ),
]

RELATIONS = [
    (
        "usage of storage >= 80% of quota of storage",
        "the usage of storage is at least 80% of the quota of storage",
        "usage of storage >= 80% of quota of storage",
    ),
    (
        "trial_ends_on before subscription.renews_on",
        "trial ends on is before renews on",
        "trial_ends_on < subscription.renews_on",
    ),
    (
        "sum of amount of purchase in last 30 days > 2 * subscription.mrr",
        "the total amount of purchase events in the last 30 days is more than 2 times mrr",
        "sum of amount of purchase in last 30 days > 2 * subscription.mrr",
    ),
]


@pytest.mark.parametrize(("text", "english", "canonical"), CLAUSES)
def test_a_clause(text: str, english: str, canonical: str) -> None:
    found = condition(text)
    assert isinstance(found, Leaf)
    assert plain(found) == english
    assert printed(found) == canonical


@pytest.mark.parametrize(("text", "canonical"), [(text, canonical) for text, _, canonical in CLAUSES])
def test_the_canonical_text_means_the_same(text: str, canonical: str) -> None:
    again = condition(canonical)
    found = condition(text)
    assert again == found or again == Not(Leaf("is_true", found.term, ()))  # type: ignore[union-attr]


@pytest.mark.parametrize(("text", "english", "canonical"), RELATIONS)
def test_a_relation(text: str, english: str, canonical: str) -> None:
    found = condition(text)
    assert isinstance(found, Relation)
    assert plain(found) == english
    assert printed(found) == canonical
    assert condition(canonical) == found


@pytest.mark.parametrize("name", OPERATORS)
def test_every_operator_and_its_negation_read_differently(name: str) -> None:
    samples = [leaf for leaf in map(condition, [text for text, *_ in CLAUSES]) if _is(leaf, name)]
    assert samples, f"no clause above shows {name}"
    sample = samples[0]
    said, denied = plain(sample), plain(Not(sample))
    assert said != denied
    assert plain(Not(Not(sample))) == said


def _is(leaf: Condition, name: str) -> bool:
    return isinstance(leaf, Leaf) and name in (leaf.operator, OPERATORS[leaf.operator].negation)


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("autopay and plan = basic", "autopay is true and plan is basic"),
        ("not (autopay and plan = basic)", "autopay is false or plan is not basic"),
        (
            "autopay and (plan = basic or has backup)",
            "autopay is true and (plan is basic or they have the add-on backup)",
        ),
        ("autopay or plan = basic and seats > 3", "autopay is true or (plan is basic and seats is more than 3)"),
        ("not (autopay or not (seats > 3))", "autopay is false and seats is more than 3"),
        ("autopay and not (seats < 3 or seats > 5)", "autopay is true and seats is at least 3 and seats is at most 5"),
        ("autopay or not (seats < 3 or seats > 5)", "autopay is true or (seats is at least 3 and seats is at most 5)"),
    ],
)
def test_logic(text: str, english: str) -> None:
    assert plain(condition(text)) == english


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("on birthday offer premium", "On every birthday, offer premium via email."),
        (
            "on billing_anniversary where tenure>12 offer premium",
            "On every billing anniversary, if tenure is more than 12 months, offer premium via email.",
        ),
        (
            'on 7 days before renewal or 1 day after birthday say "Hi" via email, in_app',
            '7 days before every renewal or 1 day after every birthday, say "Hi" via email and in app.',
        ),
        (
            "on 2026-11-27 offer best of family, premium, standard priority 5 from 2026-11-20 until 2026-11-30",
            "On 27 November 2026, offer the best of family, premium and standard via email, "
            "from 20 November 2026 until 30 November 2026, with priority 5.",
        ),
        ("on upgrade tag vip untag new", "On every upgrade, tag the customer vip and remove the tag new."),
        (
            "on birthday offer premium say hello tag greeted",
            "On every birthday, offer premium and say the message hello via email and tag the customer greeted.",
        ),
        (
            "on 36 hours after support_call where not was offered premium offer premium at $5 off for 2 months "
            "with 1 month free with backup worth $30 expires after 7 days goal upgrade within 30 days",
            "36 hours after every support call, if they were not offered premium, offer premium at 5.00 USD off for "
            "2 months with 1 month free and the add-on backup via email, counted as worth 30.00 USD, "
            "expiring after 7 days, with an upgrade within 30 days as the goal.",
        ),
        (
            'on birthday say "Hi" call crm_follow_up as service at most once per year hold out 2.5% catch up never',
            'On every birthday, say "Hi" via email and call the task crm follow up, as a service message, '
            "at most once per year for each customer, holding out 2.5% of customers, never catching up.",
        ),
        (
            "on birthday at most 500 customers per day budget $5000 per month split 50% small: offer basic at 8 USD "
            "25% tag vip",
            "On every birthday, for 50% of customers (arm small) offer basic at 8.00 USD via email and "
            "for 25% of customers (arm 2) tag the customer vip, for at most 500 customers per day, "
            "within a budget of 5,000.00 USD per month.",
        ),
    ],
)
def test_a_rule_is_one_sentence(text: str, english: str) -> None:
    assert sentence(only_rule(text, hello="Hello")) == english
