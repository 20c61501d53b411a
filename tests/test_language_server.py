"""The language server as an editor meets it: a process, spoken to through its standard input and output."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.client import LanguageClient
from test_language_examples import LANGUAGE, paragraphs

from dsl.service import check, lint
from dsl.source import Span
from engine.cli.linting import together
from engine.cli.main import cli
from engine.errors import CarpeError
from engine.language_server.folders import Folders
from engine.language_server.positions import positions_of
from engine.rule_files import read_files

CATALOG = (Path(__file__).parent / "golden" / "catalog.yaml").read_text()
PATIENCE = 60
"""Seconds after which a test gives up; nothing waits for them."""

LOYAL = "segment loyal: tenure >= 24 months\n"
RULES = """\
rule thanks "🎉 Merci, Zoé"
  on billing_anniversary
  where loyal and plan = basic
  offer premium

rule party "🎉🎉" on billing_anniversary where loyal tag party
"""


class Editor:
    """A client with the diagnostics that it was last shown for each file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.client = LanguageClient("test", "1")
        self.shown: dict[str, list[types.Diagnostic]] = {}
        self.told = asyncio.Event()

        @self.client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def show(params: types.PublishDiagnosticsParams) -> None:
            self.shown[params.uri.rpartition("/")[2]] = list(params.diagnostics)
            self.told.set()

    def uri(self, path: str) -> str:
        return (self.folder / path).as_uri()

    def open(self, path: str, text: str) -> None:
        self.client.text_document_did_open(
            types.DidOpenTextDocumentParams(types.TextDocumentItem(self.uri(path), "carpe", 1, text))
        )

    def change(self, path: str, text: str) -> None:
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(2, self.uri(path)),
                [types.TextDocumentContentChangeWholeDocument(text)],
            )
        )

    def at(self, path: str, line: int, character: int) -> dict[str, Any]:
        return {
            "text_document": types.TextDocumentIdentifier(self.uri(path)),
            "position": types.Position(line, character),
        }

    async def codes(self, path: str, expected: list[str]) -> list[types.Diagnostic]:
        """The diagnostics of a file once their codes are these."""
        async with asyncio.timeout(PATIENCE):
            while [one.code for one in self.shown.get(path, [])] != expected or path not in self.shown:
                self.told.clear()
                await self.told.wait()
        return self.shown[path]


WHOLE = "from engine.cli.main import main; main()"
ALONE = "from engine.cli.serving_language import lsp; lsp([])"
"""`carpe lsp`, and the same without reading the other commands, which takes longer than what is tested."""


def edit(
    folder: Path,
    talk: Callable[[Editor], Awaitable[None]],
    encodings: list[str] | None = None,
    command: tuple[str, ...] = (ALONE,),
) -> None:
    """Start the server, say hello, talk, and end it in good order."""

    async def whole() -> None:
        editor = Editor(folder)
        await editor.client.start_io(sys.executable, "-c", *command)
        general = types.GeneralClientCapabilities(position_encodings=encodings) if encodings else None
        await editor.client.initialize_async(types.InitializeParams(types.ClientCapabilities(general=general)))
        editor.client.initialized(types.InitializedParams())
        await talk(editor)
        await editor.client.shutdown_async(None)
        editor.client.exit(None)
        await editor.client.stop()

    asyncio.run(asyncio.wait_for(whole(), PATIENCE * 5))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "messages").mkdir()
    (tmp_path / "catalog.yaml").write_text(CATALOG)
    (tmp_path / "segments.rules").write_text(LOYAL)
    (tmp_path / "a.rules").write_text(RULES)
    return tmp_path


def test_a_session_in_an_editor(folder: Path) -> None:
    async def talk(editor: Editor) -> None:
        broken = RULES.replace("premium", "premuim")
        editor.open("a.rules", broken)
        (found,) = await editor.codes("a.rules", ["unknown-product"])
        assert found.range == types.Range(types.Position(3, 8), types.Position(3, 15))
        assert "did you mean premium?" in found.message

        completed = await editor.client.text_document_completion_async(
            types.CompletionParams(**editor.at("a.rules", 3, 11))
        )
        assert [item.label for item in completed.items] == ["premium"]
        assert completed.items[0].text_edit.range.start == types.Position(3, 8)

        told = await editor.client.text_document_hover_async(types.HoverParams(**editor.at("a.rules", 2, 9)))
        assert "tenure is at least 24 months" in told.contents.value
        assert told.range == types.Range(types.Position(2, 8), types.Position(2, 13))

        where = await editor.client.text_document_definition_async(types.DefinitionParams(**editor.at("a.rules", 2, 9)))
        assert where.uri.endswith("/segments.rules")
        assert where.range.start == types.Position(0, 8)

        outline = await editor.client.text_document_document_symbol_async(
            types.DocumentSymbolParams(types.TextDocumentIdentifier(editor.uri("a.rules")))
        )
        assert [(one.name, one.detail) for one in outline] == [("thanks", "rule"), ("party", "rule")]

        editor.change("a.rules", RULES)
        await editor.codes("a.rules", [])

    edit(folder, talk, command=(WHOLE, "lsp"))


def test_renaming_counts_as_the_editor_counts(folder: Path) -> None:
    """An emoji is two columns of UTF-16, one of UTF-32 and four of UTF-8."""
    for encoding, column in (("utf-16", 47), ("utf-32", 45), ("utf-8", 51)):

        async def talk(editor: Editor, column: int = column) -> None:
            editor.open("a.rules", RULES)
            edited = await editor.client.text_document_rename_async(
                types.RenameParams(new_name="faithful", **editor.at("a.rules", 5, column + 1))
            )
            made = {
                uri.rpartition("/")[2]: [edit.range.start for edit in found] for uri, found in edited.changes.items()
            }
            assert made == {
                "a.rules": [types.Position(2, 8), types.Position(5, column)],
                "segments.rules": [types.Position(0, 8)],
            }

        edit(folder, talk, [encoding])


def test_a_name_that_cannot_be_is_refused_in_words(folder: Path) -> None:
    async def talk(editor: Editor) -> None:
        editor.open("a.rules", RULES)
        place = editor.at("a.rules", 0, 6)
        prepared = await editor.client.text_document_prepare_rename_async(types.PrepareRenameParams(**place))
        assert prepared == types.Range(types.Position(0, 5), types.Position(0, 11))
        with pytest.raises(JsonRpcException, match="is a word of the language"):
            await editor.client.text_document_rename_async(types.RenameParams(new_name="where", **place))

    edit(folder, talk)


def test_an_edit_of_one_file_is_told_in_another(folder: Path) -> None:
    async def talk(editor: Editor) -> None:
        editor.open("a.rules", RULES)
        editor.open("segments.rules", LOYAL.replace("loyal", "faithful"))
        await editor.codes("a.rules", ["unknown-name", "unknown-name"])
        editor.change("segments.rules", LOYAL)
        await editor.codes("a.rules", [])

    edit(folder, talk)


def test_a_mistake_offers_its_fix(folder: Path) -> None:
    async def talk(editor: Editor) -> None:
        editor.open("a.rules", RULES.replace("premium", "premuim"))
        (found,) = await editor.codes("a.rules", ["unknown-product"])
        asked = types.CodeActionParams(
            types.TextDocumentIdentifier(editor.uri("a.rules")), found.range, types.CodeActionContext([found])
        )
        (action,) = await editor.client.text_document_code_action_async(asked)
        assert action.title == "Replace premuim by premium"
        ((_, made),) = action.edit.changes.items()
        assert list(made) == [types.TextEdit(found.range, "premium")]

    edit(folder, talk)


def test_formatting_gives_the_canonical_text(folder: Path) -> None:
    async def talk(editor: Editor) -> None:
        editor.open("b.rules", "on   birthday   where tenure>12   tag   vip")
        asked = types.DocumentFormattingParams(
            types.TextDocumentIdentifier(editor.uri("b.rules")), types.FormattingOptions(2, insert_spaces=True)
        )
        (made,) = await editor.client.text_document_formatting_async(asked)
        assert made.new_text == "on birthday where tenure > 12 months tag vip\n"

    edit(folder, talk)


def test_a_question_about_nothing_is_answered_and_the_server_lives(folder: Path) -> None:
    async def talk(editor: Editor) -> None:
        editor.open("a.rules", "on birthday where \ud83d\n\x00 tenure > ")
        beyond = editor.at("a.rules", 99, 99)
        await editor.client.text_document_completion_async(types.CompletionParams(**beyond))
        assert await editor.client.text_document_hover_async(types.HoverParams(**beyond)) is None
        with pytest.raises(JsonRpcException, match="Save the file"):
            await editor.client.text_document_hover_async(
                types.HoverParams(types.TextDocumentIdentifier("untitled:1"), types.Position(0, 0))
            )
        editor.change("a.rules", RULES)
        await editor.codes("a.rules", [])

    edit(folder, talk)


@pytest.mark.skipif(not LANGUAGE.is_dir(), reason="the specification is not beside this clone")
def test_the_examples_of_the_specification_come_through_the_server(tmp_path: Path) -> None:
    shutil.copytree(LANGUAGE, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.rules"))
    files = read_files(tmp_path)
    accepted = (LANGUAGE / "accept.rules").read_text()

    def expected(text: str) -> list[str]:
        checked = check({**files, "a.rules": text})
        analysed = lint(checked.ruleset) if checked.ruleset else ()
        return [one.code for one in together(checked.diagnostics, analysed) if one.source.path == "a.rules"]

    async def talk(editor: Editor) -> None:
        editor.open("a.rules", accepted)
        found = await editor.codes("a.rules", expected(accepted))
        assert types.DiagnosticSeverity.Error not in {one.severity for one in found}
        for text, _ in paragraphs():
            editor.change("a.rules", text)
            assert await editor.codes("a.rules", expected(text)) != []

    edit(tmp_path, talk)


# --- places -----------------------------------------------------------------------------------------------------------


@given(st.text(st.sampled_from("a\n\r é🎉\u0301\u2028x"), max_size=30), st.sampled_from(["utf-8", "utf-16", "utf-32"]))
def test_every_place_of_a_text_comes_back(text: str, encoding: str) -> None:
    positions = positions_of(text, encoding)
    for offset in range(len(text) + 1):
        inside = offset > 0 and text[offset - 1 : offset + 1] == "\r\n"
        assert positions.offset(positions.position(offset)) == (offset - 1 if inside else offset)


def test_columns_are_units_of_utf_16() -> None:
    text = "é🎉e\u0301x\r\n\u2028y"
    positions = positions_of(text)
    assert positions.position(text.index("x")) == types.Position(0, 5)
    assert positions.position(text.index("y")) == types.Position(1, 1)
    assert positions.offset(types.Position(0, 2)) == 1  # in the middle of the emoji: before it
    assert positions.offset(types.Position(0, 99)) == text.index("\r")
    assert positions.offset(types.Position(99, 0)) == len(text)
    assert positions.range(Span(1, 2)) == types.Range(types.Position(0, 1), types.Position(0, 3))


def test_without_its_extra_the_command_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygls", None)
    with pytest.raises(CarpeError, match=r"pip install 'carpe\[lsp\]'"):
        CliRunner().invoke(cli, ["lsp"], catch_exceptions=False)


def test_a_folder_is_the_nearest_parent_with_a_catalog(folder: Path) -> None:
    (folder / "messages" / "hello.txt").write_text("Hello")
    folders = Folders()
    found, path = folders.of(folder / "messages" / "hello.txt")
    assert (found.root, path) == (folder, "messages/hello.txt")
    assert folders.of(folder / "a.rules")[0] is found
    found.open("a.rules", "file:///a.rules", "on birthday say hello")
    assert found.files["a.rules"] == "on birthday say hello"
    found.close("a.rules")
    assert found.files["a.rules"] == RULES
