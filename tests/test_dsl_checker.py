"""What the checker says of mistakes, line by line, and what it makes of good sentences."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from language import CATALOG, GOLDEN, check_text, only_rule

from dsl.catalog import Owner
from dsl.datatypes import DataType, Kind, Money, Unit, Value
from dsl.diagnostics import Diagnostic
from dsl.names import ADDONS, TAGS
from dsl.printer import condition_text
from dsl.service import check
from dsl.typed import (
    All,
    Amount,
    AnyOf,
    Attribute,
    Condition,
    Elapsed,
    MomentUse,
    Not,
    Offer,
    Say,
    SegmentUse,
    Tag,
)
from dsl.typed import Test as Leaf
from engine.matching.interpreter import holds

FILES = [GOLDEN / "checker.rules", GOLDEN / "whole_language.rules"]
MARK = "  #! "


# --- golden chunks ----------------------------------------------------------------------------------------------------


def chunks_of(file: Path) -> list[tuple[str, list[str]]]:
    """The titles and lines of a golden file, after its heading."""
    parts = re.split(r"^--- (.*)\n", file.read_text(), flags=re.MULTILINE)
    return [(title, body.splitlines()) for title, body in zip(parts[1::2], parts[2::2], strict=True)]


def chunks() -> list[tuple[str, list[str]]]:
    return [chunk for file in FILES for chunk in chunks_of(file)]


def said(diagnostic: Diagnostic) -> str:
    caret = diagnostic.source.slice(diagnostic.span)
    hint = f" → {diagnostic.hint}" if diagnostic.hint else ""
    severity = "" if diagnostic.is_error else f"{diagnostic.severity}: "
    return f"{severity}{diagnostic.code} [{caret}] {diagnostic.message}{hint}"


def annotated(lines: list[str]) -> list[str]:
    """The lines with what is said of each."""
    bare = [line.split(MARK)[0] for line in lines]
    found: dict[int, list[str]] = {}
    for diagnostic in check_text("\n".join(bare)).diagnostics:
        line = diagnostic.source.position(diagnostic.span.start).line
        found.setdefault(line, []).append(said(diagnostic))
    return [MARK.join([line, *found.get(number, [])]) for number, line in enumerate(bare, 1)]


@pytest.mark.parametrize(("title", "lines"), chunks(), ids=lambda value: value if isinstance(value, str) else "")
def test_each_mistake_is_explained_where_it_stands(title: str, lines: list[str]) -> None:
    assert annotated(lines) == lines


def test_accepted_sentences_have_no_errors() -> None:
    accepted = [(title, lines) for title, lines in chunks() if title.startswith("accepted")]
    assert sum(len(lines) for _, lines in accepted) >= 60
    for _, lines in accepted:
        checked = check_text("\n".join(line.split(MARK)[0] for line in lines))
        assert checked.errors == ()
        assert checked.ruleset is not None
        assert len(checked.ruleset.rules) == len(lines)


@pytest.mark.parametrize(("title", "lines"), chunks(), ids=lambda value: value if isinstance(value, str) else "")
def test_a_condition_that_is_printed_means_the_same(title: str, lines: list[str]) -> None:
    text = "\n".join(line.split(MARK)[0] for line in lines)
    ruleset = check_text(text).ruleset
    assert ruleset is not None
    for rule in ruleset.rules:
        if rule.condition == All(()) or len(rule.moments) > 1:  # of several moments a property may need its prefix
            continue
        moments = rule.moments[0].moment
        segments = [segment.source.slice(segment.span) for segment in ruleset.segments.values()]
        again = check_text(
            "\n".join([*segments, f'rule r on {moments} where {condition_text(rule.condition)} say "x"'])
        )
        assert again.ruleset is not None
        assert [one.condition for one in again.ruleset.rules] == [rule.condition], condition_text(rule.condition)


# --- what good sentences mean -----------------------------------------------------------------------------------------

TENURE = Elapsed(Attribute(Owner.SUBSCRIPTION, "started_on", DataType(Kind.DATE)), Unit.MONTHS)
TENURE_IN_DAYS = Elapsed(TENURE.start, Unit.DAYS)
MRR = Attribute(Owner.SUBSCRIPTION, "mrr", DataType(Kind.MONEY))
STARTED = TENURE.start
RENEWS = Attribute(Owner.SUBSCRIPTION, "renews_on", DataType(Kind.DATE))
PLAN = Attribute(Owner.SUBSCRIPTION, "plan", DataType(Kind.PLAN))
AUTOPAY = Attribute(Owner.SUBSCRIPTION, "autopay", DataType(Kind.FLAG))
COUNTRY = Attribute(Owner.CUSTOMER, "country", DataType(Kind.ENUM, ("US", "DE", "FR", "GB", "BR", "JP")))
PAGE = Attribute(Owner.EVENT, "page", DataType(Kind.TEXT))


def condition(text: str) -> Condition:
    return only_rule(f'rule r on website_visit where {text} say "hello"').condition


@pytest.mark.parametrize(
    ("text", "test"),
    [
        ("tenure>12", Leaf("greater", TENURE, (12,))),
        ("tenure > 1 year", Leaf("greater", TENURE, (12,))),
        ("12 < tenure", Leaf("greater", TENURE, (12,))),
        ("TENURE >= 12 Months", Leaf("greater_or_equal", TENURE, (12,))),
        ("tenure < 2 weeks", Leaf("less", TENURE_IN_DAYS, (14,))),
        ("tenure = 45 days", Leaf("equal", TENURE_IN_DAYS, (45,))),
        ("tenure in (12, 24, 12)", Leaf("in", TENURE, (12, 24))),
        ("tenure between 1 year and 2 years", Leaf("between", TENURE, (12, 24))),
        ("tenure is known", Leaf("is_known", TENURE, ())),
        ("mrr > 50", Leaf("greater", Amount(MRR, None), (Decimal(50),))),
        ("mrr > $50", Leaf("greater", Amount(MRR, "USD"), (Decimal(50),))),
        ("mrr > 50 EUR", Leaf("greater", Amount(MRR, "EUR"), (Decimal(50),))),
        ("mrr between $8 and $50.50", Leaf("between", Amount(MRR, "USD"), (Decimal(8), Decimal("50.50")))),
        ("mrr is missing", Leaf("is_missing", MRR, ())),
        ("plan = premium", Leaf("equal", PLAN, ("premium",))),
        ('plan is "Premium"', Leaf("equal", PLAN, ("premium",))),
        ("plan is not basic", Leaf("not_equal", PLAN, ("basic",))),
        ("plan not in (basic, standard)", Leaf("not_in", PLAN, ("basic", "standard"))),
        ("subscription.plan is not known", Leaf("is_missing", PLAN, ())),
        ("country = de", Leaf("equal", COUNTRY, ("DE",))),
        ("customer.country is DE", Leaf("equal", COUNTRY, ("DE",))),
        ("country is known", Leaf("is_known", COUNTRY, ())),
        ("autopay", Leaf("is_true", AUTOPAY, ())),
        ("autopay = true", Leaf("is_true", AUTOPAY, ())),
        ("autopay is false", Leaf("is_false", AUTOPAY, ())),
        ("autopay is not true", Leaf("is_false", AUTOPAY, ())),
        ("autopay != false", Leaf("is_true", AUTOPAY, ())),
        ("started_on before 2025-01-01", Leaf("less", STARTED, (dt.date(2025, 1, 1),))),
        ("started_on is after 2025-01-01", Leaf("greater", STARTED, (dt.date(2025, 1, 1),))),
        ("started_on on 2025-01-01", Leaf("equal", STARTED, (dt.date(2025, 1, 1),))),
        ("started_on >= 2025-01-01", Leaf("greater_or_equal", STARTED, (dt.date(2025, 1, 1),))),
        ("renews_on within 7 days", Leaf("within_next", RENEWS, (7,))),
        ("renews_on not within 2 weeks", Leaf("not_within_next", RENEWS, (14,))),
        ("started_on within last 30 days", Leaf("within_last", STARTED, (30,))),
        ("started_on more than 14 days ago", Leaf("greater", TENURE_IN_DAYS, (14,))),
        ("started_on less than 3 months ago", Leaf("less", TENURE, (3,))),
        ('page like "/pricing*"', Leaf("like", PAGE, ("/pricing*",))),
        ('page contains "x"', Leaf("contains", PAGE, ("x",))),
        ('event.page starts with "/"', Leaf("starts_with", PAGE, ("/",))),
        ('website_visit.page ends with "/"', Leaf("ends_with", PAGE, ("/",))),
        ("has backup", Leaf("includes", ADDONS, ("backup",))),
        ("is tagged vip", Leaf("includes", TAGS, ("vip",))),
        ("seats = 3", Leaf("equal", Attribute(Owner.SUBSCRIPTION, "seats", DataType(Kind.COUNT)), (3,))),
        (
            "satisfaction >= 7.5",
            Leaf("greater_or_equal", Attribute(Owner.CUSTOMER, "satisfaction", DataType(Kind.NUMBER)), (7.5,)),
        ),
        (
            'timezone = "Europe/Paris"',
            Leaf("equal", Attribute(Owner.CUSTOMER, "timezone", DataType(Kind.TEXT)), ("Europe/Paris",)),
        ),
        (
            'subscription.currency = "EUR"',
            Leaf("equal", Attribute(Owner.SUBSCRIPTION, "currency", DataType(Kind.TEXT)), ("EUR",)),
        ),
    ],
)
def test_a_sentence_means(text: str, test: Leaf) -> None:
    assert condition(text) == test


def test_operands_have_the_type_of_their_attribute() -> None:
    for text, kind in [("seats > 3", int), ("satisfaction > 3", float), ("mrr > 3", Decimal), ("tenure > 3", int)]:
        found = condition(text)
        assert isinstance(found, Leaf)
        assert type(found.operands[0]) is kind


def test_a_test_keeps_its_authors_words() -> None:
    found = condition("tenure   >\n 12")
    assert isinstance(found, Leaf)
    assert found.text == "tenure > 12"


def test_logic_keeps_its_shape() -> None:
    assert condition("autopay and not (plan = basic or has backup)") == All(
        (
            Leaf("is_true", AUTOPAY, ()),
            Not(AnyOf((Leaf("equal", PLAN, ("basic",)), Leaf("includes", ADDONS, ("backup",))))),
        )
    )


def test_segments_may_stand_anywhere_and_use_each_other() -> None:
    checked = check_text(
        "rule r on birthday where outer and autopay offer premium\n"
        "segment outer: not inner\nsegment inner: country = US\n"
    )
    assert checked.ruleset is not None
    inner = SegmentUse("inner", Leaf("equal", COUNTRY, ("US",)))
    outer = SegmentUse("outer", Not(inner))
    assert checked.ruleset.rules[0].condition == All((outer, Leaf("is_true", AUTOPAY, ())))
    assert checked.ruleset.segments["outer"].condition == outer.condition


@pytest.mark.parametrize(
    ("text", "uses"),
    [
        ("on birthday", [MomentUse("birthday")]),
        ("on 7 days before renewal", [MomentUse("renewal", -7)]),
        ("on 1 week after birthday or trial_ending", [MomentUse("birthday", 7), MomentUse("trial_ending")]),
        ("on 2026-11-27", [MomentUse("2026-11-27", 0, dt.date(2026, 11, 27))]),
        ("on website_visit or support_call", [MomentUse("website_visit"), MomentUse("support_call")]),
        ("on 1 day before renewal or 7 days before renewal", [MomentUse("renewal", -1), MomentUse("renewal", -7)]),
    ],
)
def test_moments(text: str, uses: list[MomentUse]) -> None:
    assert list(only_rule(f'{text} say "hello"').moments) == uses


def test_a_rule_with_everything() -> None:
    rule = only_rule(
        'rule early was late "An early word" on 3 days before renewal where autopay offer best of standard, family '
        "say we_miss_you tag called untag new via in_app, email priority 10 as marketing "
        "from 2026-01-01 until 2026-12-31",
        we_miss_you="Hello",
    )
    assert (rule.name, rule.was, rule.title, rule.named) == ("early", "late", "An early word", True)
    assert rule.actions == (Offer(("standard", "family")), Say("we_miss_you"), Tag("called"), Tag("new", add=False))
    assert (rule.via, rule.priority) == (("in_app", "email"), 10)
    assert (rule.starts, rule.ends) == (dt.date(2026, 1, 1), dt.date(2026, 12, 31))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("on billing_anniversary where tenure>12 offer premium", "billing_anniversary_offer_premium"),
        ("on 7 days before renewal offer best of family, premium", "renewal_offer_family"),
        ('on birthday say "Happy birthday!"', "birthday_say"),
        ("on birthday say hello", "birthday_say_hello"),
        ("on upgrade or birthday tag vip", "upgrade_tag_vip"),
        ("on birthday untag vip", "birthday_untag_vip"),
        ("on 2026-11-27 offer family", "on_2026_11_27_offer_family"),
    ],
)
def test_a_rule_without_a_name_gets_one(text: str, name: str) -> None:
    rule = only_rule(text, hello="Hello")
    assert (rule.name, rule.named) == (name, False)


def test_channels_come_from_the_catalog_where_the_rule_has_none() -> None:
    assert only_rule("on birthday offer premium").via == ("email",)
    assert only_rule("on birthday tag vip").via == ()
    without = CATALOG.replace("default_via: [email]", "")
    checked = check({"catalog.yaml": without, "a.rules": "on birthday offer premium"})
    assert [one.code for one in checked.diagnostics] == ["no-channel"]


def test_text_is_compared_in_one_unicode_form() -> None:
    found = condition('first_name = "Zoe\u0301"')
    assert isinstance(found, Leaf)
    assert found.operands == ("Zo\u00e9",)


def test_a_message_of_another_moment_is_noticed() -> None:
    checked = check_text("on birthday say visit", visit="You saw {{ event.page }}.")
    (warning,) = checked.diagnostics
    assert (warning.code, warning.source.slice(warning.span)) == ("unknown-variable", "visit")
    assert "event.page" in warning.message
    assert check_text("on website_visit say visit", visit="You saw {{ event.page }}.").diagnostics == ()


def test_a_flag_of_both_owners_asks_for_a_prefix() -> None:
    both = CATALOG.replace("  first_name:", "  autopay: flag\n  first_name:")
    checked = check({"catalog.yaml": both, "a.rules": "on birthday where autopay offer premium"})
    assert [one.code for one in checked.diagnostics] == ["ambiguous-name"]


# --- never true -------------------------------------------------------------------------------------------------------

CLAUSES = [
    *(f"tenure {sign} {n}" for sign in ("<", "<=", "=", "!=", ">=", ">") for n in (1, 2, 3)),
    *(f"seats {sign} {n}" for sign in ("<", "=", ">") for n in (1, 2)),
    *(
        f"country {test}"
        for test in ("= US", "!= US", "in (US, DE)", "not in (US, DE, FR, GB)", "is known", "is missing")
    ),
    *(f"mrr {test}" for test in ("> $5", "< $5", "= 5 USD", "between $4 and $6", "> 5 EUR", "is missing")),
    *("autopay", "has backup", "is tagged vip", "tenure is missing", "started_on is missing", "started_on is known"),
    *("plan = basic", "plan not in (free, basic, standard, premium)", "plan is missing", "interests includes music"),
    *('email = "a@b.c"', 'email starts with "b"', 'email in ("a", "ab")', "started_on < 2026-03-01"),
]


def conditions() -> st.SearchStrategy[str]:
    return st.recursive(
        st.sampled_from(CLAUSES),
        lambda inner: st.one_of(
            st.lists(inner, min_size=2, max_size=4).map(lambda items: f"({' and '.join(items)})"),
            st.lists(inner, min_size=2, max_size=3).map(lambda items: f"({' or '.join(items)})"),
            inner.map(lambda item: f"not {item}"),
        ),
        max_leaves=6,
    )


def rows() -> st.SearchStrategy[dict[str, Value]]:
    day = st.sampled_from([dt.date(2026, 3, 15) - dt.timedelta(days=n) for n in (-5, 0, 20, 31, 62, 100)])
    return st.fixed_dictionaries(
        {},
        optional={
            "subscription.started_on": day,
            "subscription.seats": st.integers(0, 3),
            "subscription.mrr": st.sampled_from([Money(n, c) for n in (400, 500, 600) for c in ("USD", "EUR")]),
            "subscription.autopay": st.booleans(),
            "subscription.addons": st.sampled_from([frozenset(), frozenset({"backup"})]),
            "subscription.plan": st.sampled_from(["free", "basic", "family"]),
            "customer.country": st.sampled_from(["US", "DE", "FR", "JP"]),
            "customer.tags": st.sampled_from([frozenset(), frozenset({"vip"})]),
            "customer.interests": st.sampled_from([frozenset(), frozenset({"music"})]),
            "customer.email": st.sampled_from(["a", "ab", "b", "a@b.c"]),
        },
    )


@settings(deadline=None, max_examples=300)
@given(text=conditions(), row=rows())
def test_what_is_called_never_true_is_true_of_nobody(text: str, row: dict[str, Value]) -> None:
    checked = check_text(f'rule r on website_visit where {text} say "hello"')
    assert checked.ruleset is not None
    if {one.code for one in checked.errors} == {"never-true"}:
        stands = check_text(f"segment s: {text}")  # the same condition, typed
        typed = _typed(text)
        assert stands.errors
        assert holds(typed, row, dt.date(2026, 3, 15)) is not True
    else:
        assert not checked.errors


def _typed(text: str) -> Condition:
    """A condition's type without the analysis: `or birthday` keeps it possible."""
    found = condition(f'({text}) or page = "possible"')
    assert isinstance(found, AnyOf)
    return found.items[0]


# --- robustness -------------------------------------------------------------------------------------------------------

SENTENCES = [line.split(MARK)[0] for _, lines in chunks() for line in lines]


@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_a_damaged_sentence_is_a_rule_or_an_error(data: st.DataObject) -> None:
    words = data.draw(st.sampled_from(SENTENCES)).split(" ")
    at = data.draw(st.integers(0, len(words) - 1))
    other = data.draw(st.sampled_from(words))
    damage = data.draw(st.sampled_from(["delete", "double", "replace", "swap"]))
    damaged = {
        "delete": words[:at] + words[at + 1 :],
        "double": [*words[: at + 1], words[at], *words[at + 1 :]],
        "replace": [*words[:at], other, *words[at + 1 :]],
        "swap": [*words[:at], *reversed(words[at : at + 2]), *words[at + 2 :]],
    }[damage]
    checked = check_text(" ".join(damaged))
    assert checked.ruleset is not None
    for one in checked.diagnostics:
        assert one.render()
    for declared in checked.declarations:
        errors = [one for one in declared.diagnostics if one.is_error]
        assert len(errors) <= 1
        assert (declared.kind != "rule") or ((declared.rule is None) == bool(errors))


def test_deep_nesting_and_long_lists_are_refused() -> None:
    deep = "rule r on birthday where " + "not (" * 60 + "autopay" + ")" * 60 + " offer premium"
    assert [one.is_error for one in check_text(deep).diagnostics] == [True]
    long = f"rule r on birthday where seats in ({', '.join(map(str, range(1001)))}) offer premium"
    assert [one.code for one in check_text(long).diagnostics] == ["list-too-long"]


def test_a_chain_of_segments_is_bounded() -> None:
    chain = ["segment s0: autopay", *(f"segment s{n}: s{n - 1}" for n in range(1, 400))]
    codes = {one.code for one in check_text("\n".join(reversed(chain))).diagnostics}
    assert codes == {"too-deep", "broken-segment"}


def rewrite() -> None:
    for file in FILES:
        heading = file.read_text().split("---", 1)[0]
        written = [f"--- {title}\n" + "\n".join(annotated(lines)) + "\n" for title, lines in chunks_of(file)]
        file.write_text(heading + "".join(written))


if __name__ == "__main__":
    rewrite()
