"""Sign in and out, who is asking, and the token that every form carries.

A form's token is the signed name and password stamp of its user, not a random value of the session: a text typed
before a session ended can still be saved from the open page after signing in again in another tab.
"""

from __future__ import annotations

import datetime as dt
import hmac
import re
import secrets
from dataclasses import dataclass, field

from flask import Blueprint, Flask, abort, current_app, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from itsdangerous import URLSafeSerializer

from engine import access
from web.desk import desk

pages = Blueprint("sign_in", __name__)

_OPEN = frozenset({"sign_in.form", "sign_in.enter"})
_LOCAL = re.compile(r"/(?![/\\])[^\x00-\x20\\]*")


@dataclass(slots=True)
class Limiter:
    """Wrong passwords a name, in this process's memory: `allowed` within `window`, then nobody may try it."""

    allowed: int = 5
    window: dt.timedelta = dt.timedelta(minutes=15)
    _failures: dict[str, list[dt.datetime]] = field(default_factory=dict)

    def wait(self, name: str, now: dt.datetime) -> dt.timedelta:
        """How long until this name may be tried again; zero where it may be now."""
        recent = self._recent(name, now)
        return recent[0] + self.window - now if len(recent) >= self.allowed else dt.timedelta(0)

    def failed(self, name: str, now: dt.datetime) -> None:
        if len(self._failures) > 10_000:
            self._failures = {each: kept for each in self._failures if (kept := self._recent(each, now))}
        self._failures[name] = [*self._recent(name, now), now]

    def succeeded(self, name: str) -> None:
        self._failures.pop(name, None)

    def _recent(self, name: str, now: dt.datetime) -> list[dt.datetime]:
        return [at for at in self._failures.get(name, ()) if at > now - self.window]


def install(app: Flask) -> None:
    app.extensions["carpe.limiter"] = Limiter()
    app.before_request(_admit)
    app.context_processor(lambda: {"user": g.get("user"), "csrf_token": csrf_token})
    app.register_blueprint(pages)


def csrf_token() -> str:
    """What this visitor's forms carry in the hidden field `csrf_token`."""
    user: access.User | None = g.get("user")
    if user is None and "visitor" not in session:
        session["visitor"] = secrets.token_urlsafe(16)
    identity = [user.name, user.stamp] if user else [session["visitor"]]
    return str(URLSafeSerializer(str(current_app.secret_key), salt="csrf").dumps(identity))


def may_edit() -> None:
    """Turn a viewer away (403)."""
    if not g.user.may_edit:
        abort(403, "You may look at everything here; changing rules needs the role editor.")


def _admit() -> ResponseReturnValue | None:
    """Know the user, refuse a form without its token, send strangers to the sign-in page."""
    if not {"api", "health"}.isdisjoint(request.blueprints) or request.endpoint == "static":
        return None
    g.user = _user()
    if request.endpoint is None:  # no such page, or no such method: routing answers
        return None
    if g.user is None and request.endpoint not in _OPEN:
        if request.method == "POST":
            abort(401, "You are signed out, so nothing was saved. Sign in in another tab, come back and press again.")
        return redirect(url_for("sign_in.form", next=request.full_path.rstrip("?")))
    if request.method == "POST" and not hmac.compare_digest(
        request.form.get("csrf_token", "").encode(), csrf_token().encode()
    ):
        abort(400, "This form is out of date. Go back, reload the page and try again.")
    return None


def _user() -> access.User | None:
    """The signed-in user, unless the account is gone or its password changed since."""
    if "name" not in session:
        return None
    with desk().store.read() as connection:
        user = access.find_user(connection, session["name"])
    return user if user and user.stamp == session.get("stamp") else None


@pages.get("/sign-in")
def form() -> ResponseReturnValue:
    return redirect(_next()) if g.user else render_template("sign_in.html", name="", next=_next(), problem=None)


@pages.post("/sign-in")
def enter() -> ResponseReturnValue:
    name, password = request.form.get("name", "").strip().lower()[:64], request.form.get("password", "")
    limiter: Limiter = current_app.extensions["carpe.limiter"]
    now = desk().clock()
    if wait := limiter.wait(name, now):
        minutes = -(-int(wait.total_seconds()) // 60)
        problem = f"Too many wrong passwords for this name. Try again in {minutes} minute{'s' if minutes > 1 else ''}."
        return _again(name, problem, 429)
    with desk().store.read() as connection:
        role = access.check_password(connection, name, password)
        user = access.find_user(connection, name) if role else None
    if user is None:
        limiter.failed(name, now)
        return _again(name, "That name and password do not belong together.", 403)
    limiter.succeeded(name)
    session.clear()
    session.permanent = True
    session.update(name=user.name, stamp=user.stamp)
    return redirect(_next())


@pages.post("/sign-out")
def leave() -> ResponseReturnValue:
    session.clear()
    return redirect(url_for("sign_in.form"))


def _next() -> str:
    """Where to go after signing in: a path of ours, never another site's."""
    return local(request.values.get("next", "")) or url_for("rules.listing")


def local(wanted: str) -> str | None:
    """A path that a form asks to go to, if it is one of ours."""
    return wanted if _LOCAL.fullmatch(wanted) else None


def _again(name: str, problem: str, status: int) -> ResponseReturnValue:
    return render_template("sign_in.html", name=name, next=_next(), problem=problem), status
