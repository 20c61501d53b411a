"""Editing: what is checked, what is refused, what a conflict keeps, what a preview counts, what stays outside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from web_world import ANNIVERSARY, FILES, VISITS, World, digest_of, open_world, token_of

from engine.rule_files import digest
from web.comparison import Fold, compare, folded


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path) as world:
        yield world


def textarea(html: str, name: str = "text") -> str:
    """What a browser puts in the text area: the first line end after the tag is dropped."""
    found = re.search(rf'<textarea[^>]*name="{name}"[^>]*>(.*?)</textarea>', html, re.DOTALL)
    assert found
    return unescape(found.group(1)).removeprefix("\n")


# --- opening ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(FILES))
def test_a_file_is_shown_as_it_is(world: World, path: str) -> None:
    page = world.visitor("ada").see(f"/files/{path}").text
    assert textarea(page) == FILES[path]
    assert digest_of(page) == digest(FILES[path])


def test_a_text_that_begins_with_an_empty_line_keeps_it(world: World) -> None:
    world.write("visits.rules", "\n\n" + VISITS)
    assert textarea(world.visitor("ada").see("/files/visits.rules").text) == "\n\n" + VISITS


def test_the_editor_opens_at_the_rule(world: World) -> None:
    page = world.visitor("ada").see("/files/anniversary.rules?rule=premium_after_a_year").text
    assert 'data-line="3"' in page
    assert re.search(r'<option value="premium_after_a_year" selected>', page)


OUTSIDE = [
    "../carpe.db",
    "..%2fcarpe.db",
    "%2e%2e/carpe.db",
    "/etc/passwd",
    "messages/../../carpe.db",
    "no_such.rules",
    ".git/config",
]


@pytest.mark.parametrize("path", OUTSIDE)
def test_nothing_outside_the_ruleset_has_an_address(world: World, path: str) -> None:
    visitor = world.visitor("ada")
    assert visitor.see(f"/files/{path}").status_code in (404, 308)
    assert "SQLite" not in visitor.see(f"/files/{path}", follow_redirects=True).text


# --- saving ----------------------------------------------------------------------------------------------------------


def test_saving_writes_the_file_with_plain_line_ends(world: World) -> None:
    text = VISITS.replace("via in_app", "via in_app\n  priority 7")
    answer = world.visitor("ada").save("visits.rules", text.replace("\n", "\r\n"))
    assert answer.status_code == 302
    assert world.read("visits.rules") == text
    assert world.app.extensions["carpe"].rulebook.good().rule("pricing_page").priority == 7


def test_the_page_after_saving_says_so(world: World) -> None:
    ada = world.visitor("ada")
    answer = ada.save("visits.rules", VISITS + "\n# more\n")
    assert "Saved visits.rules: 1 rule ready to run." in ada.see(answer.location).text


BROKEN = VISITS.replace("premium", "premuim")


def test_a_text_with_errors_is_not_saved_and_not_lost(world: World) -> None:
    answer = world.visitor("ada").save("visits.rules", BROKEN)
    assert answer.status_code == 422
    assert world.read("visits.rules") == VISITS
    assert textarea(answer.text) == BROKEN
    assert digest_of(answer.text) == digest(VISITS)
    assert "Save anyway" in answer.text


def test_save_anyway_saves_and_the_rules_go_on_as_they_were(world: World) -> None:
    ada = world.visitor("ada")
    running = world.app.extensions["carpe"].rulebook.good()
    answer = ada.save("visits.rules", BROKEN, anyway="yes")
    assert answer.status_code == 302
    assert world.read("visits.rules") == BROKEN
    assert world.app.extensions["carpe"].rulebook.good() is running
    assert "with its errors" in ada.see(answer.location).text
    status = plain(ada.see("/status").text)
    assert "The rules go on as they were: there is 1 error in " in status
    assert "(visits.rules, line 4: premuim is neither a plan nor an add-on); `carpe check` shows it." in status
    assert world.visitor().see("/healthz").json["rules"] in status
    ada.save("visits.rules", VISITS)
    assert "as they were" not in ada.see("/status").text
    assert world.visitor().see("/healthz").json["rules"] is None


def test_errors_that_an_edit_brings_to_another_file_count(world: World) -> None:
    """Of two rules with one name, the later is broken: here that is the file not being edited."""
    answer = world.visitor("ada").save("anniversary.rules", ANNIVERSARY.replace("premium_after_a_year", "pricing_page"))
    assert answer.status_code == 422
    assert "pricing_page" not in world.read("anniversary.rules")


def test_errors_that_were_elsewhere_before_do_not_block(world: World) -> None:
    world.write("visits.rules", BROKEN)
    assert world.visitor("ada").save("anniversary.rules", ANNIVERSARY + "\n# fine\n").status_code == 302


def test_a_viewer_looks_and_does_not_save(world: World) -> None:
    vera = world.visitor("vera")
    page = vera.see("/files/visits.rules").text
    assert " readonly" in page
    assert 'class="main"' not in page
    assert vera.save("visits.rules", "# gone").status_code == 403
    assert vera.send("/new", {"name": "mine"}, page="/rules").status_code == 403
    assert world.read("visits.rules") == VISITS


@pytest.mark.parametrize("path", ["catalog.yaml", "messages/premium_anniversary.txt"])
def test_only_rules_are_saved_here(world: World, path: str) -> None:
    answer = world.visitor("ada").save(path, FILES[path] + "\n# more\n")
    assert answer.status_code == 422
    assert world.read(path) == FILES[path]


# --- two people ------------------------------------------------------------------------------------------------------

THEIRS = VISITS.replace("via in_app", "via email")
MINE = VISITS.replace("/pricing*", "/prices*")


def test_a_file_changed_underneath_is_a_conflict_that_keeps_both(world: World) -> None:
    ada = world.visitor("ada")
    opened = digest_of(ada.see("/files/visits.rules").text)
    world.write("visits.rules", THEIRS)
    answer = ada.save("visits.rules", MINE, read=opened)
    assert answer.status_code == 409
    assert world.read("visits.rules") == THEIRS
    assert textarea(answer.text) == MINE
    assert THEIRS in unescape(answer.text)
    assert digest_of(answer.text) == digest(THEIRS)
    assert 'class="replace"' in answer.text


def test_the_conflict_page_can_save_over_what_it_showed(world: World) -> None:
    ada = world.visitor("ada")
    world.write("visits.rules", THEIRS)
    conflict = ada.save("visits.rules", MINE, read=digest(VISITS))
    assert ada.save("visits.rules", MINE, read=digest_of(conflict.text)).status_code == 302
    assert world.read("visits.rules") == MINE


def test_but_not_over_a_third_text(world: World) -> None:
    ada = world.visitor("ada")
    world.write("visits.rules", THEIRS)
    conflict = ada.save("visits.rules", MINE, read=digest(VISITS))
    world.write("visits.rules", THEIRS + "# third\n")
    assert ada.save("visits.rules", MINE, read=digest_of(conflict.text)).status_code == 409
    assert world.read("visits.rules") == THEIRS + "# third\n"


def test_the_same_edit_twice_is_no_conflict(world: World) -> None:
    ada = world.visitor("ada")
    world.write("visits.rules", MINE)
    assert ada.save("visits.rules", MINE, read=digest(VISITS)).status_code == 302


def test_a_file_deleted_underneath_can_still_be_saved_or_is_told(world: World) -> None:
    ada = world.visitor("ada")
    token = token_of(ada.see("/files/visits.rules").text)
    (world.folder / "visits.rules").unlink()
    form = {"csrf_token": token, "digest": digest(VISITS), "text": MINE}
    answer = ada.client.post("/files/visits.rules", data=form)
    assert answer.status_code == 409
    assert textarea(answer.text) == MINE
    again = ada.client.post("/files/visits.rules", data=form | {"digest": digest_of(answer.text)})
    assert again.status_code == 302
    assert world.read("visits.rules") == MINE


def test_side_by_side_holds_every_line_once() -> None:
    theirs, yours = "a\nb\nc\nd", "a\nx\ny\nz\nd\ne"
    rows = compare(theirs, yours)
    assert [row.theirs.text for row in rows if row.theirs] == theirs.splitlines()
    assert [row.yours.text for row in rows if row.yours] == yours.splitlines()
    assert [row.change for row in rows] == ["equal", "replace", "replace", "insert", "equal", "insert"]


def test_long_equal_stretches_are_folded_and_counted() -> None:
    theirs = [f"line {number}" for number in range(40)]
    yours = [*theirs[:20], "changed", *theirs[21:]]
    rows = folded(compare("\n".join(theirs), "\n".join(yours)))
    assert [rows[0], rows[-1]] == [Fold(17), Fold(16)]
    assert [row.theirs.number for row in rows[1:-1]] == list(range(18, 25))
    assert folded(compare("a\nb", "a\nb")) == [Fold(2)]


# --- new files -------------------------------------------------------------------------------------------------------


def test_a_new_file_is_made_by_saving(world: World) -> None:
    ada = world.visitor("ada")
    page = ada.send("/new", {"name": "spring_sale"}, page="/rules")
    assert page.status_code == 200
    assert not (world.folder / "spring_sale.rules").exists()
    assert digest_of(page.text) == ""
    text = "on birthday where plan = basic offer premium\n"
    form = {"csrf_token": token_of(page.text), "digest": "", "text": text}
    assert ada.client.post("/files/spring_sale.rules", data=form).status_code == 302
    assert world.read("spring_sale.rules") == text
    assert "spring_sale.rules" in ada.see("/rules").text


@pytest.mark.parametrize("name", ["first", "2027-sale", "test", "on", "a-b_c"])
def test_the_text_that_a_new_file_begins_with_is_right(world: World, name: str) -> None:
    page = world.visitor("ada").send("/new", {"name": name}, page="/rules").text
    assert "offer premium" in textarea(page)
    assert "finding error" not in page


@pytest.mark.parametrize("name", ["../evil", "a/b", "A", "", ".rules", "a b", "a.txt", "-x", "x" * 62, "a\0b", ".."])
def test_odd_names_make_no_file(world: World, name: str) -> None:
    ada = world.visitor("ada")
    before = sorted(world.folder.rglob("*"))
    assert ada.send("/new", {"name": name}, page="/rules").status_code == 422
    token = token_of(ada.see("/rules").text)
    for path in (f"{name}.rules", name):
        answer = ada.client.post(f"/files/{path}", data={"csrf_token": token, "digest": "", "text": "# x\n"})
        assert answer.status_code in (404, 308, 405)
    assert sorted(world.folder.rglob("*")) == before


def test_a_name_that_is_taken_is_told(world: World) -> None:
    answer = world.visitor("ada").send("/new", {"name": "visits.rules"}, page="/rules")
    assert answer.status_code == 422
    assert "a file visits.rules already" in answer.text


def test_a_new_file_that_somebody_else_made_meanwhile_is_a_conflict(world: World) -> None:
    ada = world.visitor("ada")
    token = token_of(ada.send("/new", {"name": "spring"}, page="/rules").text)
    world.write("spring.rules", "# theirs\n")
    answer = ada.client.post("/files/spring.rules", data={"csrf_token": token, "digest": "", "text": "# mine\n"})
    assert answer.status_code == 409
    assert world.read("spring.rules") == "# theirs\n"


# --- checking and previewing -----------------------------------------------------------------------------------------


def check(world: World, text: str, path: str = "visits.rules") -> dict[str, object]:
    ada = world.visitor("ada")
    token = token_of(ada.see("/rules").text)
    answer = ada.client.post(f"/check/{path}", data={"csrf_token": token, "text": text})
    assert answer.status_code == 200
    return dict(answer.json)


def test_a_check_tells_place_message_and_hint(world: World) -> None:
    found = check(world, BROKEN)
    assert found["errors"] == 1
    [error] = [each for each in found["diagnostics"] if each["severity"] == "error"]
    assert (error["line"], error["column"], error["file"]) == (4, 9, "visits.rules")
    assert "premium" in error["hint"]
    assert error["text"] == "  offer premuim"
    assert "<mark>premuim</mark>" in found["html"]
    assert found["rules"] == []


def test_a_check_of_a_right_text_lists_its_rules(world: World) -> None:
    found = check(world, VISITS)
    assert found["errors"] == 0
    assert found["rules"] == [{"name": "pricing_page", "title": None}]


@pytest.mark.parametrize(
    "text",
    ["", "\0", "((((" * 500, "on " * 3000, "é" * 100, "<<<<<<< HEAD\n", '"', 'on a where b = "</textarea><script>x'],
)
def test_any_text_can_be_checked(world: World, text: str) -> None:
    found = check(world, text)
    assert "<script>" not in found["html"]


def preview(world: World, text: str, rule: str, day: str, fragment: bool = True) -> str:
    ada = world.visitor("ada")
    form = {"csrf_token": token_of(ada.see("/rules").text), "text": text, "rule": rule, "day": day}
    answer = ada.client.post(f"/preview/anniversary.rules{'?fragment=1' if fragment else ''}", data=form)
    assert answer.status_code == 200
    return answer.text


def plain(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", html)))


def test_a_preview_counts_the_text_as_it_stands(world: World) -> None:
    """Three subscriptions are due on 15 March; one country is missing."""
    page = plain(preview(world, ANNIVERSARY, "premium_after_a_year", "2026-03-15"))
    assert "2 of 3" in page
    assert "country in (US, DE) 2 true · 0 false · 1 missing" in page
    assert "tenure > 12 months 3 true · 0 false" in page
    unsaved = plain(preview(world, ANNIVERSARY.replace("(US, DE)", "(DE)"), "premium_after_a_year", "2026-03-15"))
    assert "1 of 3" in unsaved
    assert world.read("anniversary.rules") == ANNIVERSARY


def test_a_preview_shows_messages_with_personal_values_masked(world: World) -> None:
    page = preview(world, ANNIVERSARY, "premium_after_a_year", "2026-03-15")
    assert "Ada, a year together" in page
    assert "ada@example.com" not in page
    assert "•••" in page


def test_what_customers_are_called_is_text(world: World) -> None:
    page = preview(world, ANNIVERSARY, "premium_after_a_year", "2026-03-15")
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    world_page = world.visitor("ada").see("/customers/<b>c-4</b>").text
    assert "<b>" not in world_page


def test_an_event_moment_is_previewed_by_what_happened(world: World) -> None:
    for number, page in enumerate(["/pricing", "/pricing/plans", "/"]):
        event = {"source": "shop", "id": str(number), "moment": "website_visit", "customer": "c-1"}
        event |= {"occurred_at": "2026-03-15T15:00:00Z", "properties": {"page": page}}
        assert world.program().post("/events", event).status_code == 201
    page = plain(world.visitor("ada").see("/files/visits.rules?rule=pricing_page&day=2026-03-15").text)
    assert "2 of 3 occurrences on 15 March 2026 match" in page
    assert "Questions about Premium, Ada?" in page


def test_a_day_without_the_moment_says_so(world: World) -> None:
    assert "Nobody's moment falls on this day" in plain(
        preview(world, ANNIVERSARY, "premium_after_a_year", "2026-03-16")
    )


@pytest.mark.parametrize("day", ["2026-02-30", "tomorrow", "0", "2026-13-01", "\0"])
def test_a_day_that_is_none_is_told(world: World, day: str) -> None:
    assert "is no date" in plain(preview(world, ANNIVERSARY, "premium_after_a_year", day))


MOMENTS = ["billing_anniversary", "birthday", "7 days before birthday", "website_visit", "2026-11-27"]


@pytest.mark.parametrize("day", ["0001-01-01", "1900-01-01", "2199-12-31", "9999-12-31"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_day_far_away_is_no_fault_of_ours(world: World, moment: str, day: str) -> None:
    page = plain(preview(world, f"rule far on {moment} where plan is known offer premium via in_app", "far", day))
    assert ("too far away" if day[:2] in ("00", "99") else "0 of ") in page


def test_a_message_that_cannot_be_written_is_told(world: World) -> None:
    text = ANNIVERSARY.replace("say premium_anniversary", 'say "Half of {{ mrr | divided_by: 0 }}"')
    page = plain(preview(world, text, "premium_after_a_year", "2026-03-15"))
    assert "The message cannot be written" in page


def test_a_rule_with_an_error_has_no_preview_and_keeps_its_text(world: World) -> None:
    broken = ANNIVERSARY.replace("offer premium", "offer premuim")
    page = preview(world, broken, "premium_after_a_year", "2026-03-15", fragment=False)
    assert "no rule without errors here yet" in plain(page)
    assert textarea(page) == broken


def test_without_a_script_the_preview_is_a_page_that_keeps_the_text(world: World) -> None:
    edited = ANNIVERSARY + "\n# not saved\n"
    page = preview(world, edited, "premium_after_a_year", "2026-03-15", fragment=False)
    assert "2 of 3" in plain(page)
    assert textarea(page) == edited


def test_a_preview_has_an_address(world: World) -> None:
    page = world.visitor("vera").see("/files/anniversary.rules?rule=premium_after_a_year&day=2026-03-15").text
    assert "2 of 3" in plain(page)


def test_an_unusable_catalog_is_told_and_the_editor_stays_open(world: World) -> None:
    world.visitor("ada").see("/rules")
    world.write("catalog.yaml", "moments: [")
    ada = world.visitor("ada")
    page = ada.see("/files/visits.rules?day=2026-03-15")
    assert page.status_code == 200
    assert textarea(page.text) == VISITS
    assert "catalog has errors" in plain(page.text)
    assert ada.see("/rules").status_code == 200
