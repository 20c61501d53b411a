"""`carpe serve`, and who may come in: `carpe user add`, `carpe token add`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.access import ROLES, create_token, create_user
from engine.cli.context import accept_clock_option, database_option, opened, rules_option
from engine.cli.pass_report import say_not_run
from engine.cli.running import ticking
from engine.clock import utc_now
from engine.config import Settings
from engine.halts import begin_by_the_clock
from engine.rulebook import Rulebook
from engine.scheduler import Scheduler
from engine.signals import told_to_stop
from engine.store.session import Store
from engine.unavailable import NotRun, not_run

if TYPE_CHECKING:
    from flask import Flask


@click.command(epilog="Example: carpe serve --port 8080")
@click.option("--host", metavar="ADDRESS", help="Where to listen. Default: 127.0.0.1, this machine only.")
@click.option("--port", type=click.IntRange(1, 65535), help="Default: 8000.")
@click.option(
    "--server",
    type=click.Choice(["waitress", "granian"]),
    default="waitress",
    help="Who speaks HTTP. granian answers several times as many requests; it needs the extra `fast`.",
)
@click.option("--no-scheduler", is_flag=True, help="Only the pages and the API; decide nothing by the clock.")
@accept_clock_option
@database_option
@rules_option
def serve(
    host: str | None,
    port: int | None,
    server: str,
    no_scheduler: bool,
    accept_clock: bool,
    database: str | None,
    rules: Path | None,
) -> None:
    """Serve the web pages and the API, and decide what is due every minute. Ctrl-C stops it."""
    settings = Settings.from_environment(database=database, rules=rules, host=host, port=port)
    with opened(settings) as store:
        begin_by_the_clock(store, utc_now, accept=accept_clock)
        if server == "waitress":
            serve_until_stopped(settings, store, scheduling=not no_scheduler)
    if server == "granian":
        _serve_by_granian(settings, scheduling=not no_scheduler)


def serve_until_stopped(
    settings: Settings, store: Store, *, scheduling: bool, ready: Callable[[], None] = lambda: None
) -> None:
    """Serve in this thread until Ctrl-C or a signal ends it."""
    from web import create_app
    from web.server import serve as serve_app

    rulebook = Rulebook(settings.rules)
    left_out = not_run(rulebook.good().rules)
    scheduler = Scheduler(store, rulebook, utc_now, command="carpe serve") if scheduling else None
    app = create_app(settings, store, rulebook, utc_now, worker=scheduler.id if scheduler else None)
    with told_to_stop(), ticking(scheduler) if scheduler else nullcontext():
        _greet(settings, left_out if scheduling else ())
        ready()
        serve_app(app, settings.host, settings.port)


def _serve_by_granian(settings: Settings, *, scheduling: bool) -> None:
    """The same, in a process of granian's that opens the store for itself."""
    from web.granian_server import require_granian, serve

    require_granian()
    left_out = not_run(Rulebook(settings.rules).good().rules)
    _greet(settings, left_out if scheduling else ())
    serve(partial(_open_app, settings, scheduling=scheduling), settings.host, settings.port)


def _open_app(settings: Settings, *, scheduling: bool) -> tuple[Flask, Callable[[], object]]:
    """The application with a store and, if it is to, a scheduler of its own; and what ends them."""
    from web import create_app

    rulebook = Rulebook(settings.rules)
    ending = ExitStack()
    store = ending.enter_context(opened(settings))
    scheduler = Scheduler(store, rulebook, utc_now, command="carpe serve") if scheduling else None
    if scheduler:
        ending.enter_context(ticking(scheduler))
    return create_app(settings, store, rulebook, utc_now, worker=scheduler.id if scheduler else None), ending.close


def _greet(settings: Settings, left_out: tuple[NotRun, ...]) -> None:
    click.echo(f"Carpe is at http://{settings.host}:{settings.port}/ (Ctrl-C stops it)")
    say_not_run(left_out)


@click.group()
def user() -> None:
    """People who may sign in."""


@user.command("add", epilog="Example: carpe user add maria --role editor")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default="editor", show_default=True)
@click.option("--password", prompt=True, hide_input=True, confirmation_prompt=True)
@database_option
def add_user(name: str, role: str, password: str, database: str | None) -> None:
    """Let NAME sign in; asks for the password."""
    settings = Settings.from_environment(database=database)
    with opened(settings) as store, store.write() as connection:
        create_user(connection, name, password, role, utc_now())
    click.echo(f"{name} may sign in as {role}.")


@click.group()
def token() -> None:
    """Programs that may use the API."""


@token.command("add", epilog="Example: carpe token add billing-system")
@click.argument("name")
@database_option
def add_token(name: str, database: str | None) -> None:
    """Make a token for the program NAME and print it, this once."""
    settings = Settings.from_environment(database=database)
    with opened(settings) as store, store.write() as connection:
        made = create_token(connection, name, utc_now())
    click.echo(made)
