"""Messages: what they read, what is refused before anything is sent, and that rendering is bounded."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from language import check_text

from dsl.datatypes import Money
from dsl.messages import Message, Rendered, check_variables, read_message, render
from dsl.source import Source
from dsl.template_words import RenderingFailed
from dsl.templates import unguarded


def read(text: str) -> Message:
    message, problems = read_message(Source("messages/hello.txt", text))
    assert message is not None, [one.render() for one in problems]
    return message


def rendered(template: str, **variables: object) -> str:
    return render(read(template), variables).body


# --- reading ----------------------------------------------------------------------------------------------------------


def test_a_message_is_named_like_its_file_and_tells_what_it_reads() -> None:
    message = read(
        '---\nsubject: "Hi {{ first_name }}"\n---\n{{ offer.price }} {% if autopay %}{{ tenure }}{% endif %}\n'
    )
    assert (message.name, message.subject) == ("hello", "Hi {{ first_name }}")
    assert message.variables == {"first_name", "offer.price", "autopay", "tenure"}


def test_what_a_template_sets_itself_is_no_variable() -> None:
    template = (
        "{% assign who = first_name %}{{ who }}{% for one in interests %}{{ one }}{{ forloop.index }}{% endfor %}"
    )
    assert read(template).variables == {"first_name", "interests"}


def test_a_message_without_front_matter_is_all_body() -> None:
    assert (read("Hello\n").subject, read("Hello\n").body) == ("", "Hello\n")


@pytest.mark.parametrize(
    ("text", "code", "caret"),
    [
        ("Hi {{ first_name", "template-syntax", "{{ first_name"),
        ("Hi {{ first_name | }} x", "template-syntax", "{{ first_name | }}"),
        ("Hi {% if autopay %} x", "template-syntax", "{% if autopay %}"),
        ("Hi {{ first name }}", "template-syntax", "name"),
        ("Hi {{ first_name | upcas }}", "unknown-filter", "upcas"),
        ("{% include 'other' %}", "unknown-tag", "include"),
        ("{% render 'other' %}", "unknown-tag", "render"),
        ("---\nsubject: Hi\nno end", "front-matter", "---"),
        ("---\nsubjct: Hi\n---\nx", "unknown-key", "subjct"),
        ("---\nsubject: {{ first_name }}\n---\nx", "key-not-a-word", "{ first_name }"),
        ("---\nsubject: Hi {{ first_name | }}\n---\nx", "template-syntax", "{{ first_name | }}"),
        ("---\nsubject: Hi\nvariants: [a]\n---\nx", "wrong-shape", "[a]"),
        ("---\nvariants: {de: {}}\n---\nx", "empty-variant", "de"),
        ("---\nvariants: {de: {subjct: Hallo}}\n---\nx", "unknown-key", "subjct"),
        ("---\nvariants: {de: {body: 'Hallo {{ first_name | upcas }}'}}\n---\nx", "unknown-filter", "upcas"),
        ("---\nsubject: Hi\nsubject: Ho\n---\nx", "duplicate-key", "subject"),
        ("{{" * 30_000, "template-syntax", "{{" * 30_000),
        ("Hi {{ first_name }} {{ tenure\nmonths", "template-syntax", "{{ tenure"),
        ("Hi \x00", "unreadable-text", "\x00"),
        ("Hi \udcff", "unreadable-text", "\udcff"),
        ("x" * 64_001, "too-long", "x"),
    ],
)
def test_a_mistake_is_told_at_its_place(text: str, code: str, caret: str) -> None:
    message, problems = read_message(Source("messages/hello.txt", text))
    assert message is None
    (problem,) = problems
    assert (problem.code, problem.source.slice(problem.span)) == (code, caret)
    assert problem.source.text == text


@given(st.text(alphabet="ab {}%|.'\"-:\n", max_size=60))
def test_no_text_breaks_reading_or_rendering(text: str) -> None:
    message, problems = read_message(Source("messages/hello.txt", text))
    assert (message is None) == bool(problems)
    if message is not None:
        render(message, {"a": "x", "b": [1, 2]})


# --- variables --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "hint"),
    [
        ("{{ firstname }}", "did you mean first_name?"),
        ("{{ customer.first_name }}", "did you mean first_name?"),
        ("{{ offer.prise }}", "did you mean offer.price?"),
        ("{{ event.pgae }}", "did you mean event.page?"),
    ],
)
def test_a_variable_that_nothing_fills_is_a_warning(template: str, hint: str) -> None:
    (warning,) = check_text("", hello=template).diagnostics
    assert (warning.code, warning.is_error, warning.hint) == ("unknown-variable", False, hint)
    assert warning.source.slice(warning.span) in template


def test_every_attribute_the_offer_and_events_are_known() -> None:
    catalog = check_text("").ruleset
    assert catalog is not None
    template = (
        "{{ first_name }} {{ tenure }} {{ mrr }} {{ offer.name }} {{ offer.price }} {{ offer.list_price }}"
        "{{ offer.until }} {{ event.page }} {{ last.website_visit.date }} {{ last.download.product }}"
    )
    assert list(check_variables(read(template), catalog.catalog, {"page"})) == []


# --- rendering --------------------------------------------------------------------------------------------------------


def test_the_example_of_an_offer() -> None:
    message = read(
        "---\nsubject: \"{{ first_name | default: 'Hello' }}, thank you for {{ tenure }} months\"\n---\n"
        'From today {{ offer.name }} is {{ offer.price }} until {{ offer.until | date: "%-d %B %Y" }}.\n'
    )
    offer = {"name": "Premium", "price": Money(3200, "USD"), "until": dt.date(2026, 6, 1)}
    assert render(message, {"first_name": "Ada", "tenure": 13, "offer": offer}) == Rendered(
        "Ada, thank you for 13 months", "From today Premium is 32.00 USD until 1 June 2026."
    )
    assert render(message, {"tenure": 13}).subject == "Hello, thank you for 13 months"


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("[{{ nobody }}] [{{ nobody.at.all }}]", "[] []"),
        ("{{ name | default: 'friend' }}", "friend"),
        ("{{ html }}", "<b>&"),
        ("{{ many | join: ', ' }}", "film, music"),
        ("{{ whole }} {{ half }} {{ yes }}", "3 2.5 true"),
        ("{{ day }} {{ day | date: '%d.%m.%y' }} {{ nobody | date: '%d' }}", "2026-03-05 05.03.26 "),
        ("{{ 'now' | date: '%Y' }} {{ 'today' | date: '%Y' }}", "now today"),
        ("{{ money }} {{ exact }}", "1,234.50 EUR 20.5"),
        ("{% if half > 2 %}more{% else %}less{% endif %}", "more"),
        ("{% for one in many %}{{ one }};{% endfor %}", "film;music;"),
        ("{{ half | times: 2 }} {{ whole | plus: 1 }} {{ 'a' | append: 'b' | upcase }}", "5 4 AB"),
        ("\n\nkept inside\n\nand trimmed outside\n\n", "kept inside\n\nand trimmed outside"),
    ],
)
def test_values_are_written_as_people_write_them(template: str, text: str) -> None:
    values = {
        "html": "<b>&",
        "many": frozenset({"music", "film"}),
        "whole": 3.0,
        "half": 2.5,
        "yes": True,
        "day": dt.date(2026, 3, 5),
        "money": Money(123450, "EUR"),
        "exact": Decimal("20.5"),
    }
    assert rendered(template, **values) == text


def test_a_subject_is_one_line() -> None:
    message = read('---\nsubject: "Hi {{ first_name }}"\n---\nx')
    assert (
        render(message, {"first_name": "Ada\r\nBcc: everyone@example.com"}).subject
        == "Hi Ada Bcc: everyone@example.com"
    )


@pytest.mark.parametrize(
    "template",
    [
        "{% for i in (1..1000000000) %}x{% endfor %}",
        "{% for i in (1..200) %}{% for j in (1..200) %}x{% endfor %}{% endfor %}",
        "{% for i in (1..9000) %}xxxxxxxxxxxxxxxxxxxx{% endfor %}",
        "{% assign a = 'xxxxxxxxxxxxxxxx' %}" + "{% assign a = a | append: a %}" * 40,
        "{% assign a = '" + "x" * 5000 + "' %}{{ a | replace: 'x', a }}",
        "{% assign a = '" + "x" * 5000 + "' %}{{ a" + " | append: a" * 20 + " }}",
        "{{ day | date: '%999999999d' }}",
        "{{ 3 | divided_by: 0 }}",
    ],
)
def test_rendering_is_bounded(template: str) -> None:
    with pytest.raises(RenderingFailed):
        rendered(template, day=dt.date(2026, 3, 5))


def test_variables_are_guarded_by_a_default_or_a_question():
    template = (
        "{% if a %}{{ a }}{{ b | upcase }}{% else %}{{ c | default: 'x' | upcase }}{% endif %}"
        "{% unless d == 1 %}{{ d }}{% endunless %}{% echo e %}{% case f %}{% when 1 %}{{ f }}{% endcase %}{{ event.g }}"
    )
    assert unguarded(template) == {"b", "e", "event.g"}
