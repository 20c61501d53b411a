"""`carpe forget`: erase a person."""

from __future__ import annotations

import click

from engine.cli.context import database_option, json_option, opened, print_json
from engine.clock import utc_now
from engine.config import Settings
from engine.errors import CarpeError
from engine.offers.withdrawing import withdraw_customer
from engine.store.forget import forget as erase


@click.command(epilog="Example: carpe forget C00042 --yes")
@click.argument("customer")
@click.option("--yes", is_flag=True, help="Do not ask.")
@database_option
@json_option
def forget(customer: str, yes: bool, database: str | None, as_json: bool) -> None:
    """Erase CUSTOMER everywhere. Once-only keys and counts stay; nothing in them tells who it was."""
    if not yes:
        click.confirm(f"Erase customer {customer} and everything known of them, for good?", abort=True)
    settings = Settings.from_environment(database=database)
    with opened(settings) as store, store.write() as connection:
        withdraw_customer(connection, customer, utc_now())
        forgotten = erase(connection, customer)
    if not forgotten.found:
        raise CarpeError(f"There is no customer {customer}.")
    if as_json:
        print_json(forgotten.counts)
        return
    counts = ", ".join(f"{count:,} {table}" for table, count in forgotten.counts.items() if count)
    click.echo(f"Customer {customer} is erased: {counts}.")
