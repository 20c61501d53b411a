"""Coming in and going out: passwords, sessions, form tokens, the limit on guessing, headers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, update
from web_world import NOW, World, open_world, token_of
from werkzeug.security import generate_password_hash

from engine.access import create_user
from engine.store.tables import meta, users
from web.secret import session_secret
from web.sign_in import Limiter


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path) as world:
        yield world


PAGES = ["/", "/rules", "/new", "/files/visits.rules", "/decisions", "/decisions/x", "/customers", "/help", "/help/api"]


@pytest.mark.parametrize("page", PAGES)
def test_strangers_are_sent_to_the_sign_in_page(world: World, page: str) -> None:
    answer = world.visitor().see(page)
    assert answer.status_code == 302
    assert answer.location.startswith("/sign-in?next=")


def test_after_signing_in_one_is_where_one_wanted_to_be(world: World) -> None:
    visitor = world.visitor()
    where = visitor.see("/decisions?rule=a+b&page=2").location
    form = {"name": "ada", "password": "ada!", "next": "/decisions?rule=a+b&page=2"}
    assert "next=" in where
    answer = visitor.send("/sign-in", form, page=where)
    assert answer.location == "/decisions?rule=a+b&page=2"


@pytest.mark.parametrize(
    "next", ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example", "javascript:x", ""]
)
def test_no_other_site_is_ever_next(world: World, next: str) -> None:
    answer = world.visitor().send("/sign-in", {"name": "ada", "password": "ada!", "next": next})
    assert answer.location == "/rules"


@pytest.mark.parametrize(
    ("name", "password"), [("ada", "wrong"), ("nobody", "ada!"), ("", ""), ("ada", ""), ("vera", "ada!")]
)
def test_a_wrong_password_is_told_without_saying_which(world: World, name: str, password: str) -> None:
    visitor = world.visitor()
    answer = visitor.send("/sign-in", {"name": name, "password": password})
    assert answer.status_code == 403
    assert "do not belong together" in answer.text
    assert visitor.see("/rules").status_code == 302


def test_names_are_read_without_case_and_space(world: World) -> None:
    assert world.visitor().send("/sign-in", {"name": " Ada ", "password": "ada!"}).status_code == 302


def test_signing_out_ends_it(world: World) -> None:
    visitor = world.visitor("ada")
    assert visitor.see("/rules").status_code == 200
    visitor.send("/sign-out", {}, page="/rules")
    assert visitor.see("/rules").status_code == 302


def test_a_session_ends_with_the_account_or_the_password(world: World) -> None:
    ada, vera = world.visitor("ada"), world.visitor("vera")
    with world.store.write() as connection:
        connection.execute(delete(users).where(users.c.name == "vera"))
        new = generate_password_hash("another")
        connection.execute(update(users).where(users.c.name == "ada").values(password_hash=new))
    assert ada.see("/rules").status_code == 302
    assert vera.see("/rules").status_code == 302


def test_a_role_counts_from_the_moment_it_changes(world: World) -> None:
    ada = world.visitor("ada")
    with world.store.write() as connection:
        connection.execute(update(users).where(users.c.name == "ada").values(role="viewer"))
    assert ada.see("/new").status_code == 403


FORMS = ["/sign-in", "/sign-out", "/new", "/files/visits.rules", "/check/visits.rules", "/preview/visits.rules"]


@pytest.mark.parametrize("page", FORMS)
@pytest.mark.parametrize("token", [None, "", "made.up"])
def test_a_form_without_its_token_does_nothing(world: World, page: str, token: str | None) -> None:
    visitor = world.visitor("ada")
    form = {"name": "spring", "text": "x"} | ({} if token is None else {"csrf_token": token})
    answer = visitor.client.post(page, data=form)
    assert answer.status_code == 400
    assert "out of date" in answer.text
    assert "pricing_page" in world.read("visits.rules")


def test_a_token_is_its_users_own(world: World) -> None:
    ada, vera = world.visitor("ada"), world.visitor("vera")
    theirs = token_of(vera.see("/rules").text)
    assert ada.client.post("/check/visits.rules", data={"csrf_token": theirs, "text": ""}).status_code == 400


def test_a_text_survives_the_end_of_a_session(world: World) -> None:
    """The page that was open before can be sent again once its user is back."""
    ada = world.visitor("ada")
    form = {"csrf_token": token_of(ada.see("/files/visits.rules").text), "text": ""}
    ada.client.delete_cookie("carpe")
    ended = ada.client.post("/check/visits.rules", data=form)
    assert ended.status_code == 401
    assert "nothing was saved" in ended.text
    ada.send("/sign-in", {"name": "ada", "password": "ada!"})
    assert ada.client.post("/check/visits.rules", data=form).status_code == 200


def test_guessing_is_stopped_for_a_name_and_a_while(world: World) -> None:
    visitor = world.visitor()
    for _ in range(5):
        assert visitor.send("/sign-in", {"name": "ada", "password": "guess"}).status_code == 403
    stopped = visitor.send("/sign-in", {"name": "ada", "password": "ada!"})
    assert stopped.status_code == 429
    assert "Try again in 15 minutes" in stopped.text
    assert visitor.send("/sign-in", {"name": "vera", "password": "vera!"}).status_code == 302
    world.wait(dt.timedelta(minutes=15, seconds=1))
    assert world.visitor().send("/sign-in", {"name": "ada", "password": "ada!"}).status_code == 302


def test_the_right_password_forgets_the_wrong_ones() -> None:
    limiter = Limiter()
    for _ in range(4):
        limiter.failed("ada", NOW)
    limiter.succeeded("ada")
    limiter.failed("ada", NOW)
    assert limiter.wait("ada", NOW) == dt.timedelta(0)


def test_many_names_do_not_fill_the_memory() -> None:
    limiter = Limiter()
    for number in range(10_001):
        limiter.failed(f"name{number}", NOW)
    later = NOW + dt.timedelta(hours=1)
    limiter.failed("one more", later)
    assert len(limiter._failures) == 1


def test_the_cookie_is_the_servers_alone(world: World) -> None:
    visitor = world.visitor()
    answer = visitor.send("/sign-in", {"name": "ada", "password": "ada!"})
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie
    page = visitor.client.get("/sign-in", base_url="https://localhost")
    assert "Secure" in page.headers["Set-Cookie"]


@pytest.mark.parametrize(
    "page", ["/sign-in", "/rules", "/nowhere", "/healthz", "/api/v1/openapi.json", "/static/carpe.css"]
)
def test_every_answer_carries_the_headers(world: World, page: str) -> None:
    headers = world.visitor("ada").see(page).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "same-origin"
    assert ("no-store" in headers["Cache-Control"]) == (not page.startswith("/static"))


def test_no_page_needs_what_the_policy_forbids(world: World) -> None:
    visitor = world.visitor("ada")
    for page in ("/rules", "/files/visits.rules?day=2026-03-15", "/customers/c-1", "/help/api", "/decisions"):
        text = visitor.see(page).text
        assert ' style="' not in text
        assert "<style" not in text
        assert "<script>" not in text
        assert " onclick=" not in text
        assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")


def test_the_secret_is_made_once_and_kept(world: World) -> None:
    with world.store.read() as connection:
        kept = connection.scalar(select(meta.c.value).where(meta.c.key == "web.secret"))
    assert kept == world.app.secret_key
    assert len(kept) >= 32
    assert session_secret(world.store, None) == kept
    assert session_secret(world.store, "given") == "given"


def test_a_users_odd_name_is_only_a_name(world: World) -> None:
    with world.store.write() as connection:
        create_user(connection, "x@y.example", "pw", "viewer", NOW)
        connection.execute(
            insert(users).values(
                name="<i>", password_hash=generate_password_hash("<i>!"), role="viewer", created_at=NOW
            )
        )
    assert world.visitor().send("/sign-in", {"name": "x@y.example", "password": "pw"}).status_code == 302
    assert "&lt;i&gt;" in world.visitor("<i>").see("/rules").text
