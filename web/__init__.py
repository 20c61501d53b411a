"""The web pages and the HTTP API: server-rendered, thin, all work in the engine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from flask import Flask

from engine.config import Settings
from engine.online.desk import EventDesk
from engine.rulebook import Rulebook
from engine.store.session import Store
from web import (
    api,
    assistance,
    code_help,
    customers,
    decisions,
    editor,
    errors,
    formatting,
    health,
    help,
    layout,
    new_file,
    rules,
    security,
    sign_in,
    status,
)
from web.api_tokens import Tokens
from web.desk import Desk
from web.event_door import EventDoor
from web.secret import session_secret


def create_app(
    settings: Settings,
    store: Store,
    rulebook: Rulebook,
    clock: Callable[[], dt.datetime],
    *,
    worker: str | None = None,
) -> Flask:
    """The application over one store and one folder of rules; `clock` gives the present instant, in UTC.

    `worker` is the id of the scheduler that ticks in this process, whose health is then the application's.
    """
    app = Flask(__name__)
    events, tokens = EventDesk(store, rulebook.good), Tokens(store)
    desk = app.extensions["carpe"] = Desk(settings, store, rulebook, clock, events, tokens, worker)
    security.install(app, session_secret(store, settings.secret))
    layout.install(app)
    sign_in.install(app)
    status.install(app)
    app.register_blueprint(rules.pages)
    app.register_blueprint(editor.pages)
    app.register_blueprint(assistance.pages)
    app.register_blueprint(formatting.pages)
    app.register_blueprint(new_file.pages)
    app.register_blueprint(decisions.pages)
    app.register_blueprint(customers.pages)
    app.register_blueprint(status.pages)
    app.register_blueprint(help.pages)
    app.register_blueprint(code_help.pages)
    app.register_blueprint(health.pages)
    app.register_blueprint(api.pages)
    errors.install(app)
    app.wsgi_app = EventDoor(app, desk)  # type: ignore[method-assign]
    return app
