"""The help says what is so: every example of it is read by the checker, every table has all of its rows."""

from __future__ import annotations

import datetime as dt
import re
import shlex
from fractions import Fraction
from html import unescape

import click
import pytest
from web_world import help_blocks

from dsl import service
from dsl.datatypes import Kind
from dsl.language_service.keywords import KEYWORDS
from dsl.operators import OPERATORS
from dsl.products import Model
from dsl.service import Checked
from dsl.source import Source
from dsl.template_words import FILTERS, TAGS
from dsl.typed import Offer
from dsl.words import CLAUSES, RESERVED
from engine.cli.main import cli
from engine.pricing.charges import amount_of
from engine.pricing.quotes import Quote, quote
from engine.pricing.situations import Situation
from engine.store.ingest.mapping import parse_mapping
from web import help
from web.help_tables import TABLES, TYPES

RULE = "rule upgrade_offer on birthday offer premium via in_app\n"


def folder() -> dict[str, str]:
    """The catalog and the messages that the help shows."""
    [(_, catalog)] = help_blocks("catalog")
    templates = re.findall(r'<pre class="template" data-name="(\w+)">(.*?)</pre>', help.read("messages"), re.DOTALL)
    return {"catalog.yaml": catalog, **{f"messages/{name}.txt": unescape(text) for name, text in templates}}


def checked(text: str) -> Checked:
    return service.check({**folder(), "example.rules": text})


def errors(text: str) -> list[str]:
    return [each.render() for each in checked(text).errors]


def blocks(kind: str) -> list[tuple[str, str]]:
    return sorted(set(help_blocks(kind)))


def test_the_catalog_and_messages_are_right() -> None:
    assert errors("") == []


@pytest.mark.parametrize(("topic", "text"), blocks("rules"))
def test_every_sentence_is_right(topic: str, text: str) -> None:
    assert errors(text) == []
    assert checked(text).declarations


def conditions() -> list[tuple[str, str]]:
    """Every condition of the help, with the moment that it is asked at."""
    pattern = re.compile(r'<code class="condition"(?: data-on="(\w+)")?>(.*?)</code>')
    found = {match for topic in help.TOPICS for match in pattern.findall(help.read(topic))}
    return sorted((on or ("usage_alert" if "level" in text else "renewal"), unescape(text)) for on, text in found)


@pytest.mark.parametrize(("moment", "condition"), conditions())
def test_every_condition_is_right(moment: str, condition: str) -> None:
    assert errors(f'on {moment} where {condition} say "hello" via in_app') == []


@pytest.mark.parametrize(("topic", "action"), blocks("action"))
def test_every_action_is_right(topic: str, action: str) -> None:
    assert errors(f"on birthday {action} via in_app") == []


@pytest.mark.parametrize(("topic", "price"), blocks("price"))
def test_every_price_is_right(topic: str, price: str) -> None:
    assert errors(f"on birthday offer premium {price} via in_app") == []


def premium(price: str, interval: str) -> list[str]:
    """The bills of an offer to somebody on Basic, as quoted."""
    ruleset = checked(f"on birthday offer premium {price} via in_app").ruleset
    assert ruleset is not None
    offer = ruleset.rules[0].actions[0]
    assert isinstance(offer, Offer)
    found = quote(ruleset.catalog, offer, "premium", Situation("basic", interval, "USD"), dt.date(2026, 3, 15))
    assert isinstance(found, Quote)
    return [f"{one.amount.amount:f}" for one in found.invoices]


@pytest.mark.parametrize(("attribute", "interval"), [("bills", "month"), ("year", "year")])
def test_every_price_comes_to_the_bills_that_are_shown(attribute: str, interval: str) -> None:
    shown = re.findall(rf'<code class="price" data-{attribute}="([^"]*)">(.*?)</code>', help.read("offers"))
    assert len(shown) > 1
    for bills, price in shown:
        assert premium(unescape(price), interval)[: len(bills.split())] == bills.split(), price


@pytest.mark.parametrize(("topic", "charge"), blocks("charge"))
def test_every_price_of_the_catalog_can_be_written(topic: str, charge: str) -> None:
    folder_with = {
        **folder(),
        "catalog.yaml": folder()["catalog.yaml"].replace("{month: 10 USD, ", f"{{month: {charge}, "),
    }
    assert [each.render() for each in service.check(folder_with).errors] == []


def test_every_price_of_the_catalog_comes_to_what_is_shown() -> None:
    pattern = re.compile(r'<code class="charge" data-of="(\d+)" data-comes-to="([\d.]+)">(.*?)</code>')
    shown = pattern.findall(help.read("catalog"))
    assert len(shown) > 5
    for quantity, amount, price in shown:
        text = folder()["catalog.yaml"].replace("{month: 10 USD, ", f"{{month: {unescape(price)}, ")
        ruleset = service.check({"catalog.yaml": text}).ruleset
        assert ruleset is not None
        charge = ruleset.catalog.plans["basic"].charges["month"][0]
        scale = 100 if charge.model is Model.PERCENTAGE else 1
        assert amount_of(charge, Fraction(int(quantity) * scale)) == Fraction(amount) * 100, price


@pytest.mark.parametrize(("topic", "clause"), blocks("clause"))
def test_every_clause_is_right(topic: str, clause: str) -> None:
    assert errors(f"on birthday offer premium {clause}") == []


def test_every_clause_of_the_language_has_its_line() -> None:
    told = " ".join(text for _, text in blocks("clause"))
    assert [clause for clause in CLAUSES.values() if clause not in told] == []


@pytest.mark.parametrize(("topic", "fact"), blocks("fact"))
def test_every_fact_can_be_given(topic: str, fact: str) -> None:
    assert errors(f'{RULE}test "a fact" given {fact} on birthday expect nothing') == []


@pytest.mark.parametrize(("topic", "expectation"), blocks("expectation"))
def test_every_expectation_can_be_expected(topic: str, expectation: str) -> None:
    assert errors(f'{RULE}test "an outcome" given plan = basic on birthday expect {expectation}') == []


@pytest.mark.parametrize(("topic", "text"), blocks("mistake"))
def test_every_mistake_is_one(topic: str, text: str) -> None:
    assert len(errors(text)) == 1


def test_the_mapping_is_right() -> None:
    [(_, mapping)] = help_blocks("mapping")
    assert "renews_on" in parse_mapping(Source("mapping.yaml", mapping)).recipes


@pytest.mark.parametrize(("topic", "lines"), blocks("commands"))
def test_every_command_is_one(topic: str, lines: str) -> None:
    """Parsed as it would be typed, so that no option is made up; nothing is run."""
    for line in re.sub(r"</?code>", "", lines).splitlines():
        command, words = cli, shlex.split(line)[1:]
        while isinstance(command, click.Group):
            command, words = command.commands[words[0]], words[1:]
        command.make_context("carpe", words)


# --- the tables ------------------------------------------------------------------------------------------------------


def test_every_table_has_its_place() -> None:
    placed = {name for path in help.FOLDER.glob("*.html") for name in re.findall(r"<!-- table (\w+)", path.read_text())}
    assert placed == TABLES.keys()


def test_the_tables_have_every_row() -> None:
    operators = unescape(TABLES["operators"]())
    assert [row.name for row in OPERATORS.values() if row.spelling.removeprefix("not ") not in operators] == []
    assert TYPES.keys() == set(Kind)
    for table, words in (("keywords", KEYWORDS), ("reserved", RESERVED), ("filters", FILTERS), ("tags", TAGS)):
        html = unescape(TABLES[table]())
        assert [word for word in words if f"<code>{word}</code>" not in html] == [], table
