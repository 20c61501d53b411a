"""The service: a folder in, a ruleset and diagnostics out; one broken thing hides nothing else."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from language import CATALOG

from dsl import service
from dsl.folder import digest
from dsl.memory import Memory
from dsl.service import Checked, check, check_rule

FILES = {
    "catalog.yaml": CATALOG,
    "a.rules": """\
on birthday say hello

rule second on renewal where loyal offer premium

test "t" given plan = basic on birthday expect nothing
""",
    "b.rules": "segment loyal: tenure > 24\n",
    "messages/hello.txt": "---\nsubject: Hello\n---\nHello {{ first_name }}\n",
}


def codes(checked: Checked) -> list[tuple[str, str]]:
    return [(one.source.path, one.code) for one in checked.diagnostics]


def names(checked: Checked) -> list[str]:
    assert checked.ruleset is not None
    return [rule.name for rule in checked.ruleset.rules]


def test_a_folder_becomes_a_ruleset() -> None:
    checked = check(FILES)
    assert names(checked) == ["birthday_say_hello", "second"]
    assert checked.ruleset is not None
    assert set(checked.ruleset.segments) == {"loyal"}
    assert checked.ruleset.messages["hello"].subject == "Hello"
    assert [(one.kind, one.name) for one in checked.declarations] == [
        ("rule", "birthday_say_hello"),
        ("rule", "second"),
        ("test", "t"),
        ("segment", "loyal"),
    ]
    assert [test.title for test in checked.tests] == ["t"]
    assert codes(checked) == []


def test_a_rule_knows_its_own_text() -> None:
    checked = check(FILES)
    assert checked.ruleset is not None
    second = checked.ruleset.rule("second")
    assert second is not None
    assert second.text == "rule second on renewal where loyal offer premium"


def test_inline_messages_are_found_by_what_say_says() -> None:
    checked = check({**FILES, "c.rules": 'on upgrade say "Thank you, {{ first_name }}"'})
    assert checked.ruleset is not None
    (action,) = checked.ruleset.rules[-1].actions
    assert checked.ruleset.messages[action.message].body == "Thank you, {{ first_name }}"  # type: ignore[union-attr]


def test_an_inline_text_is_never_taken_for_a_file() -> None:
    checked = check({**FILES, "c.rules": 'on upgrade say "hello"'})
    assert checked.ruleset is not None
    (action,) = checked.ruleset.rules[-1].actions
    assert checked.ruleset.messages[action.message].body == "hello"  # type: ignore[union-attr]


def test_every_mistake_of_a_folder_is_told_in_one_go() -> None:
    broken = {
        "catalog.yaml": CATALOG,
        "a.rules": "on birthdy offer a\non birthday offer premum\non renewal offer premium\non birthday where and\n",
        "b.rules": "segment s: plan = gold\n",
        "messages/m.txt": "{{ oops | }}",
        "messages/n.txt": "{{ first_name | upcas }}",
    }
    checked = check(broken)
    assert codes(checked) == [
        ("a.rules", "unknown-moment"),
        ("a.rules", "unknown-product"),
        ("a.rules", "missing-condition"),
        ("b.rules", "unknown-plan"),
        ("messages/m.txt", "template-syntax"),
        ("messages/n.txt", "unknown-filter"),
    ]
    assert names(checked) == ["renewal_offer_premium"]


def test_without_a_catalog_syntax_is_still_checked() -> None:
    checked = check({"a.rules": "on birthday offer\n", "messages/m.txt": "{{ x | }}"})
    assert checked.ruleset is None
    assert [path for path, _ in codes(checked)] == ["a.rules", "catalog.yaml", "messages/m.txt"]
    assert ("catalog.yaml", "no-catalog") in codes(checked)


def test_a_broken_catalog_does_not_blame_the_rules() -> None:
    checked = check({**FILES, "catalog.yaml": CATALOG.replace("currency: USD", "currency: USDD")})
    assert checked.ruleset is None
    assert codes(checked) == [("catalog.yaml", "unknown-currency")]


def test_a_rule_that_says_a_broken_message_is_told_where() -> None:
    checked = check({**FILES, "messages/hello.txt": "Hello\n{{ x | }}"})
    (broken,) = [one for one in checked.diagnostics if one.code == "broken-message"]
    assert "messages/hello.txt, line 2" in broken.message


def test_a_segment_that_holds_for_nobody_is_not_loaded() -> None:
    checked = check({**FILES, "b.rules": "segment loyal: tenure > 24 and tenure < 12\n"})
    assert checked.ruleset is not None
    assert checked.ruleset.segments == {}
    assert [code for _, code in codes(checked)] == ["broken-segment", "never-true"]


def test_two_messages_of_one_name() -> None:
    checked = check({**FILES, "messages/hello.md": "Hi"})
    assert ("messages/hello.txt", "name-taken") in codes(checked)


def test_names_clash_over_files_in_the_order_of_their_paths() -> None:
    checked = check({**FILES, "0.rules": "rule second on birthday offer family"})
    assert ("a.rules", "name-taken") in codes(checked)
    assert "second" in names(checked)


def test_diagnostics_are_sorted_by_file_and_place() -> None:
    checked = check({**FILES, "a.rules": 'on x say "a"\non y say "b"\nrule r on website_visit where z offer premium'})
    places = [(one.source.path, one.span.start) for one in checked.diagnostics]
    assert places == sorted(places)


# --- digest -----------------------------------------------------------------------------------------------------------


def test_the_digest_is_of_paths_and_bytes_alone() -> None:
    sha = hashlib.sha256()
    for path in sorted(FILES):
        for part in (path.encode(), FILES[path].encode()):
            sha.update(len(part).to_bytes(8, "big") + part)
    checked = check(dict(reversed(FILES.items())))
    assert checked.ruleset is not None
    assert checked.ruleset.digest == digest(FILES) == sha.hexdigest()


def test_the_digest_changes_with_the_rules_and_not_with_notes_beside_them() -> None:
    assert digest({**FILES, "README.md": "hello"}) == digest(FILES)
    assert digest({**FILES, "a.rules": FILES["a.rules"] + " "}) != digest(FILES)
    assert digest({"a.rules": "bc"}) != digest({"a.rulesb": "c"})


# --- checking again ---------------------------------------------------------------------------------------------------

EDITS = [
    ("a.rules", "on birthday say hello\n"),
    ("a.rules", "on birthday say helo\n"),
    ("a.rules", "on upgrade where loyal and stranger offer premium"),
    ("b.rules", "segment loyal: tenure > 12\nsegment stranger: plan = free\n"),
    ("b.rules", "\n\nsegment loyal: tenur > 12\n"),
    ("b.rules", ""),
    ("messages/hello.txt", "{{ x | }}"),
    ("messages/hello.txt", "{{ firstname }}"),
    ("messages/hello.txt", "{{ event.page }}"),
    ("messages/other.txt", "Hello"),
    ("catalog.yaml", CATALOG.replace("renewal: ", "renewals: ")),
    ("catalog.yaml", CATALOG.replace("USD\n", "USDD\n", 1)),
]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from(EDITS), max_size=6))
def test_checking_again_after_edits_gives_what_a_fresh_check_gives(edits: list[tuple[str, str]]) -> None:
    files = dict(FILES)
    for path, text in edits:
        again = check_rule(files, path, text)
        files[path] = text
        fresh = _fresh(files)
        assert [one.render() for one in again.diagnostics] == [one.render() for one in fresh.diagnostics]
        assert again.ruleset == fresh.ruleset


def _fresh(files: dict[str, str]) -> Checked:
    """The same folder, checked by a service that remembers nothing."""
    service.forget()
    return check(files)


def test_a_segment_is_told_where_it_stands_now() -> None:
    """A line break instead of a space before it, other words behind it: its own words and their span are the same."""
    for text in (
        "on birthday tag a #\nsegment small: seatz < 3  # one",
        "on birthday tag a\n\nsegment small: seatz < 3",
    ):
        broken = service.check({"catalog.yaml": CATALOG, "a.rules": text})
        (found,) = [one for one in broken.errors if one.code == "unknown-attribute"]
        assert found.source.text == text
        assert broken.declarations[-1].source.text == text


@pytest.mark.parametrize("path", ["notes.txt", "README.md", "rules.bak", "catalog.yml"])
def test_other_files_are_left_alone(path: str) -> None:
    assert codes(check({**FILES, path: "on x offer y {{"})) == codes(check(FILES))


def test_memory_keeps_the_last_used_up_to_its_weight() -> None:
    memory: Memory[str] = Memory(10)
    made: list[str] = []

    def ask(key: str, weight: int) -> str:
        def make() -> str:
            made.append(key)
            return key.upper()

        return memory.recall(key, weight, make)

    assert [ask("a", 4), ask("b", 4), ask("a", 4)] == ["A", "B", "A"]
    ask("c", 4)  # makes room by forgetting b, which was used least lately
    assert [ask("a", 4), ask("c", 4), ask("b", 4)] == ["A", "C", "B"]
    assert made == ["a", "b", "c", "b"]
    ask("too heavy", 99)
    assert memory.total == 99


MOVED = """on website_visit where page like "/p*" and (plan != basic or quiet) offer premium
rule second on renewal where mrr * 12 > $100 and count of purchase where (amount > $5) in last 7 days > 2
  say "Hello {{ firstname }}" split 50% a: offer basic at $5 off 20% tag vip
rule third on birthday where tenur > 12 say "hello"
segment quiet: no website_visit in last 30 days
"""


def test_a_declaration_that_moved_is_as_if_it_were_checked_there() -> None:
    folder = {"catalog.yaml": FILES["catalog.yaml"], "a.rules": MOVED}
    check(folder)
    for before in ("# a comment\n", "\n\n", 'rule new on birthday say "hi"\n'):
        again = check_rule(folder, "a.rules", before + MOVED)
        service.forget()
        afresh = check_rule(folder, "a.rules", before + MOVED)
        assert again.diagnostics == afresh.diagnostics
        assert [one.span for one in again.declarations] == [one.span for one in afresh.declarations]
        assert again.ruleset == afresh.ruleset
        for moved, fresh in zip(again.ruleset.rules, afresh.ruleset.rules, strict=True):  # type: ignore[union-attr]
            assert (moved.text, moved.span, repr(moved.condition)) == (fresh.text, fresh.span, repr(fresh.condition))


def test_equal_rules_of_two_files_stay_in_their_files() -> None:
    checked = check({**FILES, "a.rules": 'on birthday say "hi"\n', "b.rules": 'on birthday say "hi"\n'})
    assert [one.source.path for one in checked.declarations] == ["a.rules", "b.rules"]
    assert [one.source.path for one in checked.errors] == ["b.rules"]
