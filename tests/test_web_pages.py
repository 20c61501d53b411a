"""The pages that are read: rules, decisions and receipts, customers, help, health, errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from web_world import CATALOG, NOW, VISITS, World, open_world

from engine.deliveries.outbox import deliver
from engine.offers.ending import end_offers
from engine.offers.states import State
from engine.passes import run_pass
from engine.rulebook import Rulebook
from web import help
from web.layout import share


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path) as world:
        yield world


@pytest.fixture
def decided(world: World) -> World:
    """The world after the pass of 15 March and its deliveries."""
    ruleset = world.app.extensions["carpe"].rulebook.good()
    run_pass(world.store, ruleset, NOW)
    deliver(world.store, ruleset, NOW)
    return world


def plain(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", html)))


class _Outline(HTMLParser):
    """Opened and closed tags, headings, labels: enough to see that a page is sound."""

    void = frozenset({"meta", "link", "input", "img", "br", "hr", "rect", "option"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.headings: list[str] = []
        self.ids: list[str] = []
        self.unlabelled: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        self.ids += [found["id"] or ""] if "id" in found else []
        if tag in ("h1", "h2", "h3"):
            self.headings.append(tag)
        field = tag in ("input", "select", "textarea") and found.get("type") not in ("hidden",)
        if field and "label" not in self.open and "aria-label" not in found:
            self.unlabelled.append(str(found))
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.void:
            assert self.open.pop() == tag, f"</{tag}> closes something else"


SOUND = [
    "/rules",
    "/rules?q=premium",
    "/rules?q=nothing+like+it",
    "/new",
    "/files/anniversary.rules",
    "/files/anniversary.rules?day=2026-03-15",
    "/files/anniversary.rules?day=2026-03-16",
    "/files/catalog.yaml",
    "/decisions",
    "/decisions?rule=none",
    "/customers",
    "/customers?id=nobody",
    "/customers/c-1",
    "/customers/%3Cb%3Ec-4%3C/b%3E",
    "/status",
    "/files/anniversary.rules?rule=premium_after_a_year",
    "/nowhere",
    *(f"/help/{topic}" for topic in help.TOPICS),
]


@pytest.mark.parametrize("page", SOUND)
def test_every_page_is_sound(decided: World, page: str) -> None:
    """Tags close, one first heading, no id twice, every field has a label."""
    outline = _Outline(decided.visitor("ada").see(page).text)
    assert outline.open == []
    assert outline.headings.count("h1") == 1
    assert outline.headings[0] == "h1"
    assert len(outline.ids) == len(set(outline.ids))
    assert outline.unlabelled == []


# --- rules -----------------------------------------------------------------------------------------------------------


def test_the_list_says_what_each_rule_does(world: World) -> None:
    page = world.visitor("vera").see("/rules").text
    words = plain(page)
    assert "2 rules ready to run" in words
    assert "Premium after a year" in words
    assert "billing anniversary" in words
    assert "offer premium" in words
    assert "priority 10" in words
    assert "via email, in_app" in words
    assert "pricing_page" in words
    assert "New rule file" not in words


def test_broken_declarations_are_listed_beside_the_good_ones(world: World) -> None:
    world.write("visits.rules", VISITS + "\non billing_anniversry offer premium\n")
    page = world.visitor("ada").see("/rules").text
    words = plain(page)
    assert "2 rules ready to run" in words
    assert "<mark>billing_anniversry</mark>" in page
    assert "Hint: " in words
    assert 'href="/files/visits.rules?line=8"' in page


def test_searching_looks_at_everything_a_rule_says(world: World) -> None:
    visitor = world.visitor("ada")
    for query, found in {
        "pricing": {"pricing_page"},
        "PREMIUM": {"pricing_page", "premium_after_a_year"},
        "year email": {"premium_after_a_year"},
        "visits.rules": {"pricing_page"},
        "nothing of the kind": set(),
    }.items():
        page = visitor.see("/rules", query_string={"q": query}).text
        assert set(re.findall(r'<article class="card rule[^"]*" id="([^"]*)"', page)) == found, query


def test_a_season_that_is_over_is_marked(world: World) -> None:
    world.write("visits.rules", VISITS + "  from 2025-11-20 until 2025-11-30\n")
    assert "from 20 November 2025 until 30 November 2025, not active today" in plain(
        world.visitor("ada").see("/rules").text
    )


def test_rule_text_is_text(world: World) -> None:
    nasty = 'rule x "<img src=x onerror=alert(1)>"\n  on birthday\n  say "<script>alert(2)</script>"\n  via in_app\n'
    world.write("visits.rules", nasty)
    for page in (
        "/rules",
        "/rules?q=<script>alert(3)</script>",
        "/files/visits.rules",
        "/files/visits.rules?rule=x&day=<script>",
    ):
        text = world.visitor("ada").see(page).text
        assert "<script>" not in text
        assert "<img src=x" not in text


def test_without_rules_the_page_says_what_to_do(tmp_path: Path) -> None:
    with open_world(tmp_path, {"catalog.yaml": CATALOG}) as world:
        page = plain(world.visitor("ada").see("/rules").text)
    assert "No rules yet" in page
    assert "Write the first rule" in page


# --- decisions -------------------------------------------------------------------------------------------------------


def rows(page: str) -> list[str]:
    return [plain(row) for row in re.findall(r"<tr>\s*<td class=\"nowrap\">.*?</tr>", page, re.DOTALL)]


def test_before_the_first_pass_the_page_says_what_to_do(world: World) -> None:
    assert "Nothing decided yet" in plain(world.visitor("ada").see("/decisions").text)


def test_filters_narrow_the_decisions(decided: World) -> None:
    visitor = decided.visitor("vera")
    assert len(rows(visitor.see("/decisions").text)) == 2
    for query, count in {
        "customer=c-1": 1,
        "customer=c-3": 0,
        "rule=premium_after_a_year": 2,
        "rule=pricing_page": 0,
        "result=offered": 2,
        "result=held": 0,
        "day=2026-03-15": 2,
        "day=2026-03-14": 0,
        "rule=premium_after_a_year&customer=c-2&day=2026-03-15": 1,
        "result=nonsense": 2,
        "page=2": 0,
        "page=nonsense": 2,
    }.items():
        assert len(rows(visitor.see(f"/decisions?{query}").text)) == count, query
    assert "is no date" in plain(visitor.see("/decisions?day=yesterday").text)


def test_a_receipt_says_why(decided: World) -> None:
    visitor = decided.visitor("ada")
    [link] = re.findall(r'href="(/decisions/[0-9a-f]+)"', visitor.see("/decisions?customer=c-1").text)
    page = visitor.see(link).text
    words = plain(page)
    assert "premium_after_a_year" in words
    assert "true tenure > 12 months it was 26" in words
    assert "true country in (US, DE) it was US" in words
    assert "email sent" in words
    assert "Ada, a year together" in words
    assert "price40.00 USD" in words
    assert "The offer stateoffered since 15 Mar 2026" in words
    assert "ada@example.com" not in page


def test_a_receipt_of_nothing_is_not_found(world: World) -> None:
    assert world.visitor("ada").see("/decisions/0123").status_code == 404


# --- customers -------------------------------------------------------------------------------------------------------


def test_a_customer_is_shown_with_personal_values_masked(decided: World) -> None:
    page = decided.visitor("ada").see("/customers/c-1").text
    words = plain(page)
    assert "first name Ada" in words or "first nameAda" in words
    assert "Subscription s-1" in words
    assert "10.00 USD" in words
    assert "•••" in words
    assert "ada@example.com" not in page
    assert "premium_after_a_year" in words
    assert "Nearly met" in words
    assert "premium 40.00 USD" in words


def test_what_happened_to_an_offer_is_in_its_receipt(decided: World) -> None:
    visitor = decided.visitor("ada")
    [link] = re.findall(r'href="(/decisions/[0-9a-f]+)"', visitor.see("/decisions?customer=c-1").text)
    with decided.store.write() as connection:
        end_offers(connection, [link.rpartition("/")[2]], State.DECLINED, NOW, by="shop", reason="<too dear>")
    page = visitor.see(link).text
    assert "declined on 15 Mar 2026, 18:00 UTC by shop: &lt;too dear&gt;" in page


def test_finding_a_customer_by_id(world: World) -> None:
    visitor = world.visitor("ada")
    assert visitor.see("/customers?id=c-1").location == "/customers/c-1"
    assert visitor.see("/customers?id=<b>c-4</b>", follow_redirects=True).status_code == 200
    nobody = visitor.see("/customers?id=<script>")
    assert nobody.status_code == 404
    assert "<script>" not in nobody.text
    assert visitor.see("/customers/nobody").status_code == 404


# --- help ------------------------------------------------------------------------------------------------------------


def test_help_links_lead_somewhere(world: World) -> None:
    visitor = world.visitor("vera")
    for topic in help.TOPICS:
        page = visitor.see(f"/help/{topic}")
        assert page.status_code == 200
        for link in set(re.findall(r'href="(/[^"#]*)"', page.text)):
            assert visitor.see(link).status_code in (200, 302), link
    assert visitor.see("/help/nothing").status_code == 404
    assert visitor.see("/help/../../setup").status_code == 404


# --- the rest --------------------------------------------------------------------------------------------------------


def test_health_is_open_and_says_what_fails(world: World) -> None:
    assert world.visitor().see("/healthz").json["status"] == "ok"
    (world.folder / "catalog.yaml").unlink()
    going_on = world.visitor().see("/healthz")
    assert going_on.status_code == 200
    assert "no ruleset" in going_on.json["rules"]
    world.app.extensions["carpe"] = replace(world.app.extensions["carpe"], rulebook=Rulebook(world.folder))
    failing = world.visitor().see("/healthz")
    assert failing.status_code == 503
    assert "no ruleset" in failing.json["reason"]


def test_errors_are_one_sentence(world: World) -> None:
    visitor = world.visitor("ada")
    for page, status in {"/nowhere": 404, "/sign-out": 405, "/healthz/x": 404}.items():
        answer = visitor.see(page)
        assert answer.status_code == status
        assert "To the rules" in answer.text


def test_a_fault_of_ours_is_logged_and_not_shown(world: World, caplog: pytest.LogCaptureFixture) -> None:
    @world.app.get("/healthz/fault")
    def fault() -> str:
        raise RuntimeError("secret detail")

    answer = world.visitor("ada").see("/healthz/fault")
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert "Something went wrong on our side" in answer.text
    assert "secret detail" in caplog.text


def test_an_operating_error_is_its_own_sentence(world: World) -> None:
    visitor = world.visitor("ada")
    (world.folder / "catalog.yaml").unlink()
    answer = visitor.see("/rules")
    assert answer.status_code == 503
    assert "There is no ruleset in" in plain(answer.text)


def test_a_form_that_is_too_large_is_told(world: World) -> None:
    answer = world.visitor("ada").client.post("/check/visits.rules", data={"text": "x" * (2 << 20)})
    assert answer.status_code == 413
    assert "too large" in plain(answer.text)


def test_static_files_are_kept_by_browsers_until_they_change(world: World) -> None:
    page = world.visitor().see("/sign-in").text
    [style] = re.findall(r'href="(/static/carpe.css\?v=[0-9a-f]{10})"', page)
    assert "max-age=2592000" in world.visitor().see(style).headers["Cache-Control"]


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 0, "0%"),
        (0, 9, "0%"),
        (1, 3, "33%"),
        (1, 1000, "<1%"),
        (999, 1000, ">99%"),
        (9, 9, "100%"),
        (5, 1000, "<1%"),
    ],
)
def test_shares_are_never_rounded_to_nothing_or_all(part: int, whole: int, text: str) -> None:
    assert share(part, whole) == text
