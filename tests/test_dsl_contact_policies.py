"""What a catalog says about meeting people: the short forms, the long ones, and every mistake at its place."""

from __future__ import annotations

import datetime as dt

import pytest

from dsl.catalog import Policies
from dsl.catalog_reader import read_catalog
from dsl.choices import Purpose, TimeUnit
from dsl.contact_policies import Cap, QuietHours
from dsl.source import Source
from dsl.windows import Window

BEFORE = """\
currency: EUR
timezone: Europe/Oslo
customer: {country: text, ok: flag, sms_ok: flag, sms_service: flag, bounced: flag, never: flag}
channels: [email, sms, in_app]
policies:
"""


def policies(text: str) -> Policies:
    catalog, problems = read_catalog(Source("catalog.yaml", f"{BEFORE}  {text}\n"))
    assert catalog is not None, [one.render() for one in problems]
    return catalog.policies


def test_nothing_said_is_no_policy() -> None:
    assert policies("send_at: 09:00") == Policies()


def test_consent_to_marketing_and_to_service() -> None:
    found = policies("consent: {email: ok, sms: {marketing: sms_ok, service: sms_service}}")
    assert found.consent == {"email": "ok", "sms": "sms_ok"}
    assert found.service_consent == {"sms": "sms_service"}
    assert policies("consent: {sms: {service: sms_service}}").consent == {}


def test_suppression_of_everything_or_of_a_channel() -> None:
    assert policies("suppression: never").suppression == {"any": "never"}
    assert policies("suppression: {any: never, email: bounced}").suppression == {"any": "never", "email": "bounced"}


@pytest.mark.parametrize(
    ("per", "window"),
    [
        ("12 hours", Window(12, TimeUnit.HOURS)),
        ("1 day", Window(1, TimeUnit.DAYS)),
        ("2 weeks", Window(2, TimeUnit.WEEKS)),
        ("3 months", Window(3, TimeUnit.MONTHS)),
        ("100 years", Window(100, TimeUnit.YEARS)),
    ],
)
def test_caps_in_every_window(per: str, window: Window) -> None:
    assert policies(f"caps: [{{channel: sms, at_most: 2, per: {per}}}]").caps == (Cap("sms", 2, window),)


def test_a_cap_is_of_marketing_unless_it_says_otherwise() -> None:
    said = [None, "marketing", "service", "any"]
    texts = [f"{{channel: any, at_most: 1, per: 1 day{f', purpose: {one}' if one else ''}}}" for one in said]
    found = [policies(f"caps: [{text}]").caps[0].purpose for text in texts]
    assert found == [Purpose.MARKETING, Purpose.MARKETING, Purpose.SERVICE, None]


def test_quiet_hours_hold_for_everything_and_send_afterwards_unless_they_say_otherwise() -> None:
    night = (dt.time(20), dt.time(8))
    strict = "{from: 20:00, until: 08:00, then: hold, purpose: marketing}"
    found = policies(f'quiet: {{email: {{from: "20:00", until: "08:00"}}, sms: {strict}}}')
    assert found.quiet == {"email": QuietHours(*night), "sms": QuietHours(*night, True, Purpose.MARKETING)}


def test_quiet_hours_of_any_channel_are_those_of_every_other() -> None:
    found = policies("quiet: {any: {from: 21:00, until: 07:00}, sms: {from: 20:00, until: 09:00}}").quiet
    assert found["email"] == found["in_app"] == QuietHours(dt.time(21), dt.time(7))
    assert found["sms"].start == dt.time(20)


def test_pauses_and_slots() -> None:
    found = policies("{after_decline: 30 days, after_offer: 2 weeks, between_offers: 72 hours, slots: {in_app: 3}}")
    assert found.after_decline == Window(30, TimeUnit.DAYS)
    assert found.after_offer == Window(2, TimeUnit.WEEKS)
    assert found.between_offers == Window(72, TimeUnit.HOURS)
    assert found.slots == {"in_app": 3}


@pytest.mark.parametrize(
    ("text", "code", "at"),
    [
        ("consent: {email: country}", "unknown-flag", "country"),
        ("consent: {email: {markting: ok}}", "unknown-purpose", "markting"),
        ("consent: {email: {any: ok}}", "unknown-purpose", "any"),
        ("consent: {letter: ok}", "unknown-channel", "letter"),
        ("consent: {email: {marketing: country}}", "unknown-flag", "country"),
        ("consent: {email: [ok]}", "wrong-shape", "[ok]"),
        ("suppression: country", "unknown-flag", "country"),
        ("suppression: {fax: never}", "unknown-channel", "fax"),
        ("caps: [{channel: fax, at_most: 1, per: 1 day}]", "unknown-channel", "fax"),
        ("caps: [{channel: any, at_most: 0, per: 1 day}]", "wrong-value", "0"),
        ("caps: [{channel: any, at_most: 1, per: day}]", "wrong-value", "day"),
        ("caps: [{channel: any, at_most: 1, per: 101 years}]", "wrong-value", "101 years"),
        ("caps: [{channel: any, at_most: 1, per: 1 day, purpose: promo}]", "unknown-purpose", "promo"),
        ("quiet: {email: {from: 08:00, until: 08:00}}", "wrong-value", "08:00"),
        ("quiet: {email: {from: 20:00, until: 08:00, then: drop}}", "wrong-value", "drop"),
        ("quiet: {email: {from: 20:00, until: 08:00, purpose: promos}}", "unknown-purpose", "promos"),
        ("quiet: {fax: {from: 20:00, until: 08:00}}", "unknown-channel", "fax"),
        ("after_decline: soon", "wrong-value", "soon"),
        ("between_offers: 0 days", "wrong-value", "0 days"),
        ("slots: {in_app: 101}", "wrong-value", "101"),
        ("slots: {any: 2}", "unknown-channel", "any"),
    ],
)
def test_every_mistake_is_told_at_its_place(text: str, code: str, at: str) -> None:
    catalog, problems = read_catalog(Source("catalog.yaml", f"{BEFORE}  {text}\n"))
    assert catalog is None
    assert [(one.code, one.source.slice(one.span)) for one in problems] == [(code, at)]


def test_the_same_cap_twice_is_told_in_words() -> None:
    cap = "{channel: email, at_most: 2, per: 7 days}"
    _, problems = read_catalog(Source("catalog.yaml", f"{BEFORE}  caps: [{cap}, {cap}]\n"))
    assert [one.message for one in problems] == ["caps names at most 2 marketing contacts on email per 7 days twice"]


def test_a_purpose_misspelt_is_mended() -> None:
    _, problems = read_catalog(Source("catalog.yaml", f"{BEFORE}  consent: {{email: {{markting: ok}}}}\n"))
    assert problems[0].fix is not None
    assert problems[0].fix.text == "marketing"
