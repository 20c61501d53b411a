"""What a word means, where it comes from, and a new name for it: the cursor is | in the first file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from dsl.folder import CATALOG
from dsl.language_service.hover import hover
from dsl.language_service.navigation import definition, references, symbols
from dsl.language_service.renaming import Renaming, renamable, rename

WORDS = (Path(__file__).parent / "golden" / "catalog.yaml").read_text()
OTHERS = {
    "segments.rules": "segment loyal: tenure >= 24 months\n\nsegment dear: loyal and satisfaction > 8\n",
    "thanks.rules": 'rule thanks was merci "Thanks"\n  on birthday\n  where loyal\n  tag vip\n\non renewal tag kept\n',
    "messages/hello.txt": "---\nsubject: Hello\n---\nHello {{ first_name | default: 'you' }}",
}


def folder(text: str) -> tuple[dict[str, str], int]:
    return {CATALOG: WORDS, **OTHERS, "a.rules": text.replace("|", "", 1)}, text.index("|")


class _Known:
    """Statistics of a made-up base: three in four have whatever is asked."""

    def share_known(self, key: str) -> float | None:
        return 0.75 if key == "subscription.started_on" else None

    def missing(self, key: str) -> int | None:
        return None


# --- what a word means ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("on birth|day say hello", "moment birthday: each year from date_of_birth, of a customer"),
        ("on website_vis|it say hello", "Properties: page (text), referrer (text), seconds (a number)."),
        ("on birthday where ten|ure > 12 tag a", "subscription.tenure: months since started_on"),
        ("on birthday where tenure > 1|2 tag a", "12 months: a bare number takes the unit of tenure."),
        ("on birthday where tenure |> 12 tag a", "Is more. Example: tenure > 12 months"),
        ("on birthday where satis|faction > 8 tag a", "latest survey score, 0 to 10"),
        ("on birthday where customer.em|ail is known tag a", "Personal: masked in receipts and logs."),
        ("on website_visit where pa|ge is known tag a", "page: text of website_visit"),
        ("on birthday where country = D|E tag a", "a value of country"),
        ("on birthday where plan = pre|mium tag a", "plan premium: 40.00 USD a month, 400.00 USD a year"),
        ("on birthday where has bac|kup tag a", "add-on backup: 5.00 USD a month"),
        ("on birthday where lo|yal tag a", "Those of whom tenure is at least 24 months."),
        ("on birthday where usage of sto|rage > 3 tag a", "meter storage: a gauge in GB"),
        ("on birthday where count o|f download > 3 tag a", "How many of these events happened."),
        ("on birthday offer prem|ium", "plan premium"),
        ("on birthday say hel|lo", "Subject: Hello"),
        ("o|n birthday tag vip", "On every birthday, tag the customer vip."),
        (
            'test "a" given plan = basic on birthday expect no than|ks',
            "On every birthday, if they are in the segment loyal",
        ),
        ("on birthday where tenure > and lo|yal", "segment loyal"),
    ],
)
def test_a_word_says_what_it_is(text: str, told: str) -> None:
    files, offset = folder(text)
    found = hover(files, "a.rules", offset)
    assert found is not None
    assert told in found.text
    assert found.span.start <= offset <= found.span.end


@pytest.mark.parametrize(
    "text", ["|", "on birthday   |   tag vip", "on birthday say hello # com|ment", "on unheard_o|f tag a"]
)
def test_what_is_no_word_says_nothing(text: str) -> None:
    files, offset = folder(text)
    assert hover(files, "a.rules", offset) is None


def test_an_attribute_tells_how_many_have_it() -> None:
    files, offset = folder("on birthday where ten|ure > 12 tag a")
    found = hover(files, "a.rules", offset, _Known())
    assert found is not None
    assert "75% of subscriptions have a value." in found.text


# --- where it comes from ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ("on birthday where lo|yal tag a", "segments.rules", "segment loyal:"),
        ('test "a" given plan = basic on birthday expect no than|ks', "thanks.rules", "rule thanks"),
        ('test "a" given plan = basic on renewal expect rule renewal_tag_ke|pt', "thanks.rules", "on renewal tag kept"),
        ("on birthday say hel|lo", "messages/hello.txt", "---"),
        ("on birthday where ten|ure > 12 tag a", CATALOG, "  tenure:"),
        ("on website_vis|it tag a", CATALOG, "  website_visit:"),
        ("on website_visit where pa|ge is known tag a", CATALOG, "  website_visit:"),
        ("on birthday offer bac|kup", CATALOG, "  backup:"),
        ("on birthday say hello via ema|il", CATALOG, "channels:"),
    ],
)
def test_a_word_knows_where_it_is_declared(text: str, path: str, line: str) -> None:
    files, offset = folder(text)
    found = definition(files, "a.rules", offset)
    assert found is not None
    assert found.path == path
    start = files[path].rfind("\n", 0, found.span.start) + 1
    assert files[path][start:].startswith(line)


def test_a_segment_knows_where_it_is_used() -> None:
    files, offset = folder("on birthday where no|t loyal tag a".replace("no|t loyal", "not lo|yal"))
    found = references(files, "a.rules", offset)
    assert [(one.path, files[one.path][one.span.start : one.span.end]) for one in found] == [
        ("a.rules", "loyal"),
        ("segments.rules", "loyal"),
        ("segments.rules", "loyal"),
        ("thanks.rules", "loyal"),
    ]


def test_a_file_says_what_it_declares() -> None:
    files, _ = folder('segment a: plan = basic\nrule b where\n\non birthday tag c\ntest "d" given\n|')
    assert [(one.kind, one.name) for one in symbols(files, "a.rules")] == [
        ("segment", "a"),
        ("rule", "b"),
        ("rule", "on birthday tag c"),
        ("test", "d"),
    ]


# --- a new name -------------------------------------------------------------------------------------------------------


def applied(files: Mapping[str, str], renaming: Renaming) -> dict[str, str]:
    """The files that a renaming changes, as it leaves them."""
    changed = {}
    for path, edits in renaming.edits.items():
        text = files[path]
        for edit in reversed(edits):
            text = text[: edit.span.start] + edit.text + text[edit.span.end :]
        changed[path] = text
    return changed


def test_a_segment_is_renamed_in_every_file() -> None:
    files, offset = folder("on birthday where lo|yal tag loyal")
    changed = applied(files, rename(files, "a.rules", offset, "faithful"))
    assert changed == {
        "a.rules": "on birthday where faithful tag loyal",
        "segments.rules": OTHERS["segments.rules"].replace("loyal", "faithful"),
        "thanks.rules": OTHERS["thanks.rules"].replace("loyal", "faithful"),
    }


def test_a_renamed_rule_keeps_its_identity() -> None:
    files, offset = folder('test "a" given plan = basic on birthday expect no than|ks, tag thanks')
    changed = applied(files, rename(files, "a.rules", offset, "grateful"))
    assert changed["a.rules"].endswith("expect no grateful, tag thanks")
    assert changed["thanks.rules"].startswith('rule grateful was thanks "Thanks"\n')


def test_a_rule_without_a_name_gets_one() -> None:
    files, offset = folder('test "a" given plan = basic on renewal expect rule renewal_tag_ke|pt')
    changed = applied(files, rename(files, "a.rules", offset, "kept"))
    assert "rule kept was renewal_tag_kept\non renewal tag kept\n" in changed["thanks.rules"]


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        ("dear", "There is a segment called dear already."),
        ("where", '"where" is a word of the language.'),
        ("tenure", "tenure is an attribute."),
        ("two words", "A name is small letters, digits and _, and begins with a letter."),
    ],
)
def test_a_name_that_cannot_be_is_refused(name: str, refusal: str) -> None:
    files, offset = folder("on birthday where lo|yal tag a")
    assert rename(files, "a.rules", offset, name) == Renaming({}, refusal)


@pytest.mark.parametrize(
    "text", ["on birthday where ten|ure > 12 tag a", "on birth|day tag a", "rule a was b| on birthday tag c"]
)
def test_other_words_are_not_renamed(text: str) -> None:
    files, offset = folder(text)
    assert renamable(files, "a.rules", offset) is None
    assert rename(files, "a.rules", offset, "other").refusal == "Only rules and segments are renamed here."
