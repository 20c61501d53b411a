"""The grammar as a thing of its own: unambiguous, in step with the words and with the tree's builder."""

from __future__ import annotations

import re

import pytest
from lark import Lark

from dsl.builder import Builder
from dsl.parser import grammar, parse
from dsl.source import Source
from dsl.words import NEVER_VALUES, RESERVED, SPELLINGS

UNITS = ["hour", "hours", "day", "days", "week", "weeks", "month", "months", "year", "years"]
EVERY_WORD = {word for written in SPELLINGS.values() for word in written.split() if word.isalpha()}
EVERY_WORD |= {*UNITS, "starts", "ends", "customer", "event", "marketing", "service", "next", "the"}


def test_nothing_in_the_language_can_be_read_in_two_ways() -> None:
    """strict=True refuses shift/reduce conflicts and terminals that match the same text in the same place."""
    Lark(grammar(), parser="lalr", lexer="contextual", strict=True)


def test_every_rule_of_the_grammar_has_its_method() -> None:
    """Lark would silently leave a Tree where a method is missing or misspelt."""
    lark = Lark(grammar(), parser="lalr", lexer="contextual")
    kept = [rule for rule in lark.rules if rule.alias or not rule.options.expand1]
    wanted = {str(rule.alias or rule.options.template_source or rule.origin.name) for rule in kept}
    wanted = {name for name in wanted if not name.startswith("_")}
    written = {name for name, value in vars(Builder).items() if callable(value) and not name.startswith("_")}
    assert written - {"begin"} == wanted


def test_the_reserved_words_are_those_of_the_grammar() -> None:
    for terminal, words in (("NAME", RESERVED), ("PATH", RESERVED), ("WORD", NEVER_VALUES)):
        (line,) = re.findall(rf"^{terminal}: /\(\?!\(\?i:(.*?)\)", grammar(), re.MULTILINE)
        assert set(line.split("|")) == words


def test_every_terminal_that_a_message_may_propose_exists() -> None:
    assert set(re.findall(r"^(\w+)(?:\.\d)?:", grammar(), re.MULTILINE)) >= SPELLINGS.keys()


@pytest.mark.parametrize("word", sorted(EVERY_WORD - RESERVED))
def test_a_word_that_is_not_reserved_can_name_anything(word: str) -> None:
    sentences = f"""
        on {word} or 3 days before {word}
          where {word} > 3 and {word} = {word} and not {word} and ({word}) and {word} in ({word}, {word})
            and {word} is known and has {word} and is tagged {word} and {word}.{word} = 1
            and count of {word} in last 3 days > 1 and sum of {word} of {word} > 3 and last {word} more than 3 days ago
            and any {word} and was offered {word} and usage of {word} > 80% of quota of {word}
          offer {word} with {word} offer best of {word}, {word} say {word} tag {word} untag {word} call {word}
          via {word}, {word} goal {word} within 3 days
          split 50% {word}: offer {word} 25% offer {word} 10% say {word}
        rule {word} was {word} "title" on {word} say {word}
        segment {word}: {word} or {word}
        test "title"
          given {word}, not {word}, {word} = {word}, {word} is missing, {word} = ({word}, {word}), 3 {word} 5 days ago,
            offered {word} 3 days ago, has {word}, is tagged {word}, arm {word}, usage of {word} = 3
          on {word} expect offer {word} with {word} and say {word}, tag {word}, rule {word}, no {word}"""
    parsed = parse(Source("names.rules", sentences))
    assert [found.render() for found in parsed.diagnostics] == []
    assert len(parsed.file.declarations) == 4


@pytest.mark.parametrize("word", sorted(RESERVED))
def test_a_reserved_word_names_nothing(word: str) -> None:
    for sentence in (f"on birthday offer {word}", f"on {word} say hello", f"rule {word} on birthday say hello"):
        assert len(parse(Source("names.rules", sentence)).diagnostics) == 1


@pytest.mark.parametrize("word", sorted((EVERY_WORD | RESERVED) - NEVER_VALUES - {"last"}))
def test_most_words_are_values(word: str) -> None:
    sentence = f"on birthday where a = {word} and b in ({word}, {word.upper()}) and c != {word} say hello"
    assert parse(Source("values.rules", sentence)).diagnostics == ()
