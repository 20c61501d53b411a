"""The catalog from YAML: what it says, its traps, and every mistake at its place."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from language import CATALOG

from dsl.catalog import AcceptedOffers, Catalog, LeapDay, MomentKind, Owner, Recurs
from dsl.catalog_reader import read_catalog
from dsl.choices import TimeUnit
from dsl.contact_policies import Cap, QuietHours
from dsl.datatypes import DataType, Kind, Money, Unit
from dsl.diagnostics import Diagnostic
from dsl.source import Source
from dsl.windows import Window
from dsl.yaml_reader import Scalar, Table, read_yaml

SMALL = """\
currency: EUR
timezone: Europe/Oslo
customer: {country: {type: enum, values: [NO, SE]}, born: date, ok: flag}
subscription:
  plan: plan
  status: {type: enum, values: [active, cancelled]}
  started_on: date
channels: [email]
plans: {basic: {price: {month: 10}}}
"""


def read(text: str) -> Catalog:
    catalog, problems = read_catalog(Source("catalog.yaml", text))
    assert catalog is not None, [one.render() for one in problems]
    return catalog


def problems_of(text: str) -> list[tuple[str, str]]:
    """Each problem's code and the text under its caret."""
    catalog, problems = read_catalog(Source("catalog.yaml", text))
    assert catalog is None
    assert problems
    return [(one.code, one.source.slice(one.span)) for one in problems]


def only_problem(text: str) -> Diagnostic:
    _, problems = read_catalog(Source("catalog.yaml", text))
    assert len(problems) == 1, [one.render() for one in problems]
    return problems[0]


# --- what it says -----------------------------------------------------------------------------------------------------


def test_the_whole_example_is_read() -> None:
    catalog = read(CATALOG)
    assert (catalog.currency, catalog.timezone) == ("USD", "America/New_York")
    assert catalog.country_timezones["JP"] == "Asia/Tokyo"
    assert catalog.default_via == ("email",)
    assert catalog.customer["email"].personal
    assert catalog.customer["satisfaction"].doc == "latest survey score, 0 to 10"
    assert catalog.subscription["tenure"].type == DataType(Kind.ELAPSED, unit=Unit.MONTHS, since="started_on")
    assert catalog.meters["api_calls"].resets == "billing_period"
    assert catalog.plans["premium"].prices == {"month": Money(4000, "USD"), "year": Money(40000, "USD")}
    assert catalog.plans["family"].quota["storage"] == 2000
    assert catalog.addons["priority_support"].needs == ("standard", "premium", "family")
    assert catalog.addons["storage_plus"].title == "Storage plus"
    assert catalog.channels == ("email", "in_app", "webhook", "agent_screen")
    assert catalog.tasks == {"crm_follow_up": "webhook"}


def test_policies() -> None:
    policies = read(CATALOG).policies
    assert policies.consent == {"email": "marketing_ok"}
    assert policies.caps == (Cap("email", 2, Window(7, TimeUnit.DAYS)), Cap("any", 1, Window(1, TimeUnit.DAYS)))
    assert policies.quiet == {"email": QuietHours(dt.time(20), dt.time(8))}
    assert (policies.largest_discount, policies.hold_out, policies.send_at) == (Decimal(50), Decimal(2), dt.time(9))


def test_moments_know_whose_they_are() -> None:
    moments = read(CATALOG).moments
    billing = moments["billing_anniversary"]
    assert (billing.kind, billing.owner, billing.recurs) == (
        MomentKind.RECURRING,
        Owner.SUBSCRIPTION,
        Recurs.BILLING_INTERVAL,
    )
    assert (moments["birthday"].owner, moments["birthday"].leap_day) == (Owner.CUSTOMER, LeapDay.FEB28)
    assert (moments["renewal"].kind, moments["renewal"].attribute) == (MomentKind.DATED, "renews_on")
    assert moments["website_visit"].owner is Owner.CUSTOMER
    assert moments["payment_failed"].statuses == ("active", "past_due")
    assert moments["upgrade"].owner is Owner.SUBSCRIPTION
    assert moments["account_shared"].properties == {}


def test_a_crossing_tells_its_meter_and_level() -> None:
    alert = read(CATALOG).moments["usage_alert"]
    assert (alert.kind, alert.owner) == (MomentKind.CROSSING, Owner.SUBSCRIPTION)
    assert alert.levels == (Decimal(80), Decimal(100))
    assert alert.properties["meter"] == DataType(Kind.ENUM, ("storage", "api_calls"))
    assert {name: one.kind for name, one in alert.properties.items()} == {
        "meter": Kind.ENUM,
        "level": Kind.PERCENT,
        "used": Kind.NUMBER,
        "quota": Kind.NUMBER,
    }


def test_short_forms() -> None:
    catalog = read(SMALL)
    assert catalog.customer["born"].type == DataType(Kind.DATE)
    assert catalog.plans["basic"].prices == {"month": Money(1000, "EUR")}
    assert catalog.policies.send_at == dt.time(9)


@pytest.mark.parametrize(
    ("typed", "bound"),
    [
        ("1 hour", dt.timedelta(hours=1)),
        ("36 hours", dt.timedelta(hours=36)),
        ("3 days", dt.timedelta(days=3)),
        ("2 weeks", dt.timedelta(days=14)),
        ("36525 days", dt.timedelta(days=36_525)),
        ("never", None),
    ],
)
def test_a_catalog_says_how_late_a_missed_moment_may_be_sent(typed: str, bound: dt.timedelta | None) -> None:
    assert read(SMALL + f"policies: {{catch_up: {typed}}}\n").policies.catch_up == bound


def test_what_the_catalog_does_not_say_is_caught_up_within_a_day() -> None:
    assert read(SMALL).policies.catch_up == dt.timedelta(days=1)
    assert read(SMALL + "policies: {send_at: 20:30}\n").policies.catch_up == dt.timedelta(days=1)


@pytest.mark.parametrize(
    "typed",
    ["3", "days", "0 days", "-1 day", "1.5 days", "2 months", "Never", "no", "36526 days", "999999 weeks", "''"],
)
def test_what_is_no_bound_for_catching_up_is_refused(typed: str) -> None:
    problem = only_problem(SMALL + f"policies: {{catch_up: {typed}}}\n")
    assert (problem.code, problem.source.slice(problem.span)) == ("wrong-value", typed)
    assert "catch_up" in problem.message


def test_a_bound_is_one_value_not_a_list() -> None:
    assert only_problem(SMALL + "policies: {catch_up: [1 day, 2 days]}\n").code == "wrong-shape"


def test_who_carries_out_what_is_accepted() -> None:
    assert read(SMALL).policies.accepted_offers is AcceptedOffers.TELL_BILLING
    said = read(SMALL + "policies: {accepted_offers: change_here}\n").policies
    assert said.accepted_offers is AcceptedOffers.CHANGE_HERE
    problem = only_problem(SMALL + "policies: {accepted_offers: changed_here}\n")
    assert (problem.code, problem.hint) == ("wrong-value", "did you mean change_here?")


# --- YAML 1.1 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "word", ["NO", "no", "on", "off", "yes", "y", "1_000", "0123", "20:00", "2026-03-15", "1e3", "0x1F", "null", "~x"]
)
def test_a_bare_word_stays_the_text_that_was_typed(word: str) -> None:
    catalog = read(SMALL.replace("[NO, SE]", f"[{word}, SE]"))
    assert catalog.customer["country"].type.values == (word, "SE")


@pytest.mark.parametrize("word", ["yes", "on", "True", "1", "y"])
def test_a_flag_is_true_or_false_only(word: str) -> None:
    problem = only_problem(SMALL + f"moments: {{visit: {{event: {word}}}}}\n")
    assert (problem.code, problem.source.slice(problem.span)) == ("wrong-value", word)


@pytest.mark.parametrize(
    ("typed", "read_as"), [("5", 5), ("1_000", 1000), ("1000000", 1000000), ("2.5", Decimal("2.5"))]
)
def test_numbers_are_read_as_meant(typed: str, read_as: object) -> None:
    text = SMALL.replace("price: {month: 10}", f"quota: {{storage: {typed}}}")
    assert read(text + "meters: {storage: {unit: GB, kind: gauge}}\n").plans["basic"].quota["storage"] == read_as


@pytest.mark.parametrize("typed", ["0123", "1_0", "20:00", "1e3", "0x1F", ".5", "NaN", "1,000", "-3"])
def test_numbers_that_could_mean_two_things_are_refused(typed: str) -> None:
    text = SMALL.replace("price: {month: 10}", f"quota: {{storage: '{typed}'}}")
    assert only_problem(text + "meters: {storage: {unit: GB, kind: gauge}}\n").code == "wrong-value"


def test_a_bare_time_is_a_time_of_day() -> None:
    assert read(SMALL + "policies: {send_at: 20:30}\n").policies.send_at == dt.time(20, 30)


def test_a_key_given_twice_names_both_places() -> None:
    problem = only_problem("currency: USD\ntimezone: UTC\ncurrency: EUR\n")
    assert problem.code == "duplicate-key"
    assert problem.source.position(problem.span.start).line == 3
    assert "line 1, column 1" in problem.message


@pytest.mark.parametrize(
    ("text", "code", "at"),
    [
        ("a: &x [1]\nb: *x", "yaml-alias", (1, 4)),
        ("<<: {a: b}", "yaml-merge", (1, 1)),
        ("a: !!python/object:os.system x", "yaml-tag", (1, 4)),
        ("a: 1\n---\nb: 2", "second-document", (2, 1)),
        ("a:\n\t- b", "tab", (2, 1)),
        ("a: b\x00", "unreadable-text", (1, 5)),
        ('a: "\\0"', "unreadable-text", (1, 4)),
        ("a: b\udc80", "unreadable-text", (1, 5)),
        ("a: [1", "not-yaml", (1, 6)),
        ("? [a]\n: b", "key-not-a-word", (1, 3)),
        ("[" * 5000, "too-deep", (1, 21)),
        ('x: "\\UFFFFFFFF"', "not-yaml", (1, 1)),
        ("x" * 1_000_001, "too-long", (1, 1)),
    ],
)
def test_what_would_mean_something_else_is_refused(text: str, code: str, at: tuple[int, int]) -> None:
    problem = only_problem(text)
    position = problem.source.position(problem.span.start)
    assert (problem.code, (position.line, position.column)) == (code, at)


def test_a_billion_laughs_are_refused_at_the_first() -> None:
    lines = ["a0: &a0 [lol]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30))]
    assert only_problem("\n".join(lines)).code == "yaml-alias"


@given(st.text(alphabet="ab: -[]{}&*!|>'\"#%@,?\n\t\\0~<", max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    catalog, problems = read_catalog(Source("catalog.yaml", text))
    assert catalog is None
    assert problems
    for problem in problems:
        assert problem.render()


@given(st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), st.text(alphabet="ab:#'\"\\ é", max_size=8)))
def test_quoted_text_is_read_back(values: dict[str, str]) -> None:
    quoted = {key: value.replace("'", "''") for key, value in values.items()}
    root, problems = read_yaml(Source("x.yaml", "".join(f"{key}: '{value}'\n" for key, value in quoted.items())))
    assert problems == ()
    assert isinstance(root, Table)
    found = {key.text: value.text for key, value in root.entries if isinstance(value, Scalar)}
    assert found == values


# --- mistakes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("currency: EUR", "currency: EURO", ("unknown-currency", "EURO")),
        ("Europe/Oslo", "Europe/Olso", ("unknown-timezone", "Europe/Olso")),
        ("channels:", "chanels:", ("unknown-key", "chanels")),
        ("born: date", "born: dat", ("wrong-value", "dat")),
        ("born: date", "Born: date", ("bad-name", "Born")),
        ("born: date", "where: date", ("reserved-word", "where")),
        ("born: date", "tags: text", ("built-in-name", "tags")),
        ("born: date", "born: {type: date, values: [a]}", ("key-does-not-fit", "[a]")),
        ("born: date", "born: {type: enum}", ("missing-key", "enum")),
        ("values: [NO, SE]", "values: [NO, NO]", ("given-twice", "NO")),
        ("born: date", "age: {type: elapsed, since: bron, unit: years}", ("unknown-date", "bron")),
        ("born: date", "age: {type: elapsed, unit: years}", ("missing-key", "{type: elapsed, unit: years}")),
        ("born: date", "age: {type: elapsed, since: ok, unit: years}", ("unknown-date", "ok")),
        ("month: 10", "month: ten", ("wrong-value", "ten")),
        ("month: 10", "month: 10 USDD", ("unknown-currency", "10 USDD")),
        ("month: 10", "month: 10.005", ("wrong-value", "10.005")),
        ("month: 10", "week: 10", ("unknown-key", "week")),
        ("channels: [email]", "channels: [email]\ndefault_via: [emial]", ("unknown-channel", "emial")),
        ("channels: [email]", "channels: [email]\naddons: {x: {needs: [gold]}}", ("unknown-product", "gold")),
        ("channels: [email]", "channels: [email]\naddons: {basic: {}}", ("given-twice", "basic")),
        ("channels: [email]", "channels: [email]\ntasks: {x: {channel: fax}}", ("unknown-channel", "fax")),
        ("channels: [email]", "channels: [email]\npolicies: {consent: {email: country}}", ("unknown-flag", "country")),
        ("channels: [email]", "channels: [email]\npolicies: {send_at: '25:00'}", ("wrong-value", "'25:00'")),
        ("channels: [email]", "channels: [email]\npolicies: {largest_discount: 150%}", ("wrong-value", "150%")),
        ("channels: [email]", "channels: [email]\npolicies: {hold_out: 2}", ("wrong-value", "2")),
        ("channels: [email]", "channels: [email]\nmoments: {m: {recurs: month, from: brn}}", ("unknown-date", "brn")),
        ("channels: [email]", "channels: [email]\nmoments: {m: {recurs: month}}", ("missing-key", "month")),
        ("channels: [email]", "channels: [email]\nmoments: {m: {date: born, event: true}}", ("moment-kind", "m")),
        ("channels: [email]", "channels: [email]\nmoments: {m: }", ("moment-kind", "m")),
        (
            "channels: [email]",
            "channels: [email]\nmoments: {m: {event: true, while: [activ]}}",
            ("unknown-status", "activ"),
        ),
        (
            "channels: [email]",
            "channels: [email]\nmoments: {m: {date: born, properties: {a: text}}}",
            ("key-does-not-fit", "{a: text}"),
        ),
        (
            "channels: [email]",
            "channels: [email]\nmoments: {m: {recurs: billing_interval, from: started_on}}",
            ("needs-billing-interval", "billing_interval"),
        ),
        ("channels: [email]", "channels: [email]\nmoments: {m: {crosses: [80%], of: quota}}", ("no-quota", "[80%]")),
        (
            "channels: [email]",
            "channels: [email]\nmoments: {m: {event: true, properties: {a: elapsed}}}",
            ("key-does-not-fit", "elapsed"),
        ),
    ],
)
def test_a_mistake_is_told_at_its_place(old: str, new: str, problem: tuple[str, str]) -> None:
    assert old in SMALL
    assert problems_of(SMALL.replace(old, new)) == [problem]


def test_all_mistakes_are_told_in_one_go_and_in_order() -> None:
    text = SMALL.replace("EUR", "EURO").replace("Oslo", "Olso").replace("born: date", "born: dat")
    assert problems_of(text) == [
        ("unknown-currency", "EURO"),
        ("unknown-timezone", "Europe/Olso"),
        ("wrong-value", "dat"),
    ]


@pytest.mark.parametrize(
    ("misspelt", "hint"), [("chanels", "did you mean channels?"), ("Channels", "did you mean channels?")]
)
def test_misspelt_keys_get_a_proposal(misspelt: str, hint: str) -> None:
    assert only_problem(SMALL.replace("channels:", f"{misspelt}:")).hint == hint


def test_one_name_of_two_owners_asks_for_a_prefix() -> None:
    both = SMALL.replace("born: date", "started_on: date") + "moments: {m: {recurs: year, from: started_on}}\n"
    assert problems_of(both) == [("ambiguous-name", "started_on")]
    said = read(both.replace("from: started_on", "from: customer.started_on"))
    assert said.moments["m"].owner is Owner.CUSTOMER
