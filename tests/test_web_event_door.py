"""The door of single events answers as Flask does, byte for byte, and leaves to Flask what is not plain."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from web_world import World, open_world

from engine.errors import DatabaseLocked
from engine.online.desk import EventDesk

EVENT: dict[str, Any] = {
    "source": "shop",
    "id": "visit-1",
    "moment": "website_visit",
    "customer": "c-1",
    "occurred_at": "2026-03-15T19:55:00+02:00",
    "properties": {"page": "/pricing/plans", "seconds": 42},
}
BODIES: Mapping[str, bytes] = {
    "an event": json.dumps(EVENT).encode(),
    "the same again": json.dumps(EVENT).encode(),
    "its id with another body": json.dumps(EVENT | {"properties": {}}).encode(),
    "an odd id": json.dumps(EVENT | {"id": "vísit ☃ </script>"}, ensure_ascii=False).encode(),
    "history": json.dumps(EVENT | {"id": "old", "occurred_at": "2025-03-15T19:55:00Z"}).encode(),
    "nobody": json.dumps(EVENT | {"id": "2", "customer": "c-99"}).encode(),
    "an unknown moment": json.dumps(EVENT | {"id": "3", "moment": "website_visits"}).encode(),
    "a member too many": json.dumps(EVENT | {"id": "4", "colour": "red"}).encode(),
    "a list": json.dumps([EVENT | {"id": "5"}]).encode(),
    "no JSON": b'{"source": ',
    "nothing": b"",
    "too much": b"[" + b" " * (2 << 20) + b"]",
}
HEADS: Mapping[str, dict[str, Any]] = {
    "plain": {},
    "with a charset": {"content_type": "application/json; charset=utf-8"},
    "no JSON": {"content_type": "text/plain"},
    "a stranger": {"headers": {"Authorization": "Bearer carpe_nobody"}},
    "nobody": {"headers": {}},
    "small letters": {"scheme": "bearer"},
}


@pytest.fixture
def worlds(tmp_path: Path) -> Iterator[tuple[World, World]]:
    """One with the door, and one where Flask answers alone."""
    (tmp_path / "door").mkdir()
    (tmp_path / "flask").mkdir()
    with open_world(tmp_path / "door") as ours, open_world(tmp_path / "flask") as plain:
        plain.app.wsgi_app = plain.app.wsgi_app._otherwise  # type: ignore[method-assign, attr-defined]
        yield ours, plain


def answer(world: World, query: str, body: bytes, head: Mapping[str, Any]) -> tuple[int, dict[str, str], bytes]:
    options = {"content_type": "application/json", "scheme": "Bearer", **head}
    headers = options.get("headers", {"Authorization": f"{options['scheme']} {world.token}"})
    posted = world.app.test_client().post(
        f"/api/v1/events{query}", data=body, headers=headers, content_type=options["content_type"]
    )
    return posted.status_code, dict(posted.headers), posted.data


@pytest.mark.parametrize("query", ["", "?decide=true", "?decide=yes", "?decide=false", "?decide=true&other=1"])
def test_every_answer_is_flasks(worlds: tuple[World, World], query: str) -> None:
    for name, body in BODIES.items():
        found, expected = (answer(world, query, body, {}) for world in worlds)
        assert found == expected, name
    for name, head in HEADS.items():
        body = json.dumps(EVENT | {"id": name}).encode()
        found, expected = (answer(world, query, body, head) for world in worlds)
        assert found == expected, name


def test_a_plain_event_never_comes_to_flask(worlds: tuple[World, World], monkeypatch: pytest.MonkeyPatch) -> None:
    ours, _ = worlds
    monkeypatch.setattr(ours.app.wsgi_app, "_otherwise", None)
    status, headers, body = answer(ours, "?decide=true", BODIES["an event"], {})
    assert (status, headers["Cache-Control"]) == (201, "no-store")
    [decision] = json.loads(body)["decisions"]
    assert decision["rule"] == "pricing_page"


@pytest.mark.parametrize(("error", "status"), [(DatabaseLocked(), 503), (RuntimeError("secret"), 500)])
def test_what_goes_wrong_is_told_once_in_words(
    worlds: tuple[World, World], monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    asked = []

    def fail(_: EventDesk, tellings: object) -> None:
        asked.append(tellings)
        raise error

    monkeypatch.setattr(EventDesk, "tell_all", fail)
    found, expected = (answer(world, "", BODIES["an event"], {}) for world in worlds)
    assert found == expected
    assert found[0] == status
    assert b"secret" not in found[2]
    assert len(asked) == 2  # once by each
