"""How it stands, and the switch that stops a rule or everything; a notice of that on every page."""

from __future__ import annotations

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from engine.clock_hold import clock_state
from engine.errors import CarpeError
from engine.pauses import EVERYTHING, Pause, every_pause, pause, resume
from engine.reports.status import status
from engine.reports.status_wording import lines, sentence
from web.desk import desk
from web.sign_in import local, may_edit

pages = Blueprint("status", __name__)

LONGEST_REASON = 200


def install(app: Flask) -> None:
    app.context_processor(lambda: {"halts": halts, "pause_of": pause_of})


@pages.get("/status")
def page() -> ResponseReturnValue:
    with desk().store.read() as connection:
        found = status(connection, desk().ruleset(), desk().clock(), desk().rulebook.trouble())
    return render_template("status.html", found=found, sentence=sentence(found), lines=list(lines(found)))


@pages.post("/pause")
def stop() -> ResponseReturnValue:
    """Pause the rule that the form names, or with an empty name everything."""
    may_edit()
    rule, reason = request.form.get("rule", ""), request.form.get("reason", "").strip()[:LONGEST_REASON]
    if rule != EVERYTHING and rule not in _rules():
        flash(f"There is no rule called “{rule[:80]}” without errors, so nothing was paused.")
    else:
        with desk().store.write() as connection:
            pause(connection, rule, reason or "no reason given", desk().clock())
        flash(f"{rule or 'Everything'} is paused.")
    return redirect(_back())


@pages.post("/resume")
def go_on() -> ResponseReturnValue:
    may_edit()
    rule = request.form.get("rule", "")
    with desk().store.write() as connection:
        lifted = resume(connection, rule)
    if lifted:
        flash(f"{rule or 'Everything'} goes on.")
    return redirect(_back())


def halts() -> tuple[str, ...]:
    """Why nothing is decided now, a sentence each; nothing where the database cannot say."""
    try:
        with desk().store.read() as connection:
            hold, pauses = clock_state(connection).hold, every_pause(connection)
    except (CarpeError, SQLAlchemyError):
        return ()
    held = (f"Nothing is decided, because the clock is suspect. {hold.reason}",) if hold else ()
    return (*held, *(f"Everything is paused: {each.reason}" for each in pauses if each.rule == EVERYTHING))


def pause_of(rule: str) -> Pause | None:
    """The pause of a rule by its name."""
    with desk().store.read() as connection:
        return next((each for each in every_pause(connection) if each.rule == rule), None)


def _rules() -> set[str]:
    return {rule.name for rule in desk().ruleset().rules}


def _back() -> str:
    return local(request.form.get("next", "")) or url_for("status.page")
