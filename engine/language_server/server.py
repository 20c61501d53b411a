"""The server: the table of what it answers, and diagnostics that follow the typing.

Each question is put to the language service about the folder as the editor sees it, open texts over the files on disk.
Diagnostics are worked out in a thread a moment after the last change, so that questions never wait for them. An error
of ours in one answer is that answer's; the server goes on.
"""

from __future__ import annotations

import asyncio
import logging
from importlib.metadata import version
from pathlib import Path

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from dsl import service
from dsl.diagnostics import Diagnostic
from dsl.files import read_folder_catalog
from dsl.folder import RULES, Files
from dsl.formatter import format_source
from dsl.language_service.completion import complete
from dsl.language_service.hover import hover
from dsl.language_service.navigation import definition, references, symbols
from dsl.language_service.reading import warm_up
from dsl.language_service.renaming import renamable, rename
from dsl.source import Source, Span
from dsl.statistics import Statistics
from engine.cli.linting import together
from engine.language_server import answers
from engine.language_server.folders import Folder, Folders
from engine.language_server.positions import Positions, positions_of

logger = logging.getLogger(__name__)

CALM = 0.2
"""Seconds without a change before the folder is checked."""

_REQUEST_FAILED = -32803
_TRIGGERS = (" ", ".", ",", "(", "=", '"', "{")


class Server(LanguageServer):
    """By folder: the checks that a change has asked for (`waiting`), what the last one found, and the files shown."""

    def __init__(self, statistics: Statistics | None = None, calm: float = CALM) -> None:
        super().__init__("carpe", version("carpe"), text_document_sync_kind=types.TextDocumentSyncKind.Full)
        self.statistics, self.calm = statistics, calm
        self.folders = Folders()
        self.waiting: dict[Path, asyncio.Task[None]] = {}
        self.found: dict[Path, tuple[Diagnostic, ...]] = {}
        self.shown: dict[Path, set[str]] = {}

    @property
    def encoding(self) -> str:
        return str(getattr(self.workspace.position_encoding, "value", self.workspace.position_encoding))

    def place(self, uri: str) -> tuple[Folder, str]:
        """The folder and the path of a document. Raises JsonRpcException for what is no file."""
        path = to_fs_path(uri)
        if not path:
            raise JsonRpcException("Save the file in a ruleset's folder first.", _REQUEST_FAILED)
        return self.folders.of(Path(path))

    def at(
        self, document: types.TextDocumentIdentifier, position: types.Position
    ) -> tuple[Folder, str, Positions, int]:
        """The folder, the path, the positions of its text and the offset that are asked about."""
        folder, path = self.place(document.uri)
        positions = positions_of(folder.files.get(path, ""), self.encoding)
        return folder, path, positions, positions.offset(position)

    # --- diagnostics

    def check_soon(self, folder: Folder) -> None:
        """Check the folder once nothing has changed for a moment."""
        if (task := self.waiting.get(folder.root)) is not None:
            task.cancel()
        self.waiting[folder.root] = asyncio.get_running_loop().create_task(self._check(folder))

    async def _check(self, folder: Folder) -> None:
        await asyncio.sleep(self.calm)
        try:
            folder.read()
            files = folder.files
            self.found[folder.root] = await asyncio.to_thread(self._findings, files)
            self._publish(folder, files, self.found[folder.root])
        except Exception:
            logger.exception("the folder could not be checked")

    def _findings(self, files: Files) -> tuple[Diagnostic, ...]:
        """What is wrong, and what is right but probably not meant."""
        checked = service.check(files)
        analysed = service.lint(checked.ruleset, self.statistics) if checked.ruleset else ()
        return together(checked.diagnostics, analysed)

    def _publish(self, folder: Folder, files: Files, found: tuple[Diagnostic, ...]) -> None:
        """What is wrong with every file, and nothing for those that are right again."""
        by_path: dict[str, list[types.Diagnostic]] = {path: [] for path in folder.opened}
        for one in found:
            positions = positions_of(files.get(one.source.path, ""), self.encoding)
            by_path.setdefault(one.source.path, []).append(answers.diagnostic(one, positions))
        for path in {*by_path, *self.shown.get(folder.root, ())}:
            self.text_document_publish_diagnostics(
                types.PublishDiagnosticsParams(folder.uri(path), diagnostics=by_path.get(path, []))
            )
        self.shown[folder.root] = set(by_path)


def make_server(statistics: Statistics | None = None, calm: float = CALM) -> Server:
    """A server that answers; `start_io` makes it listen."""
    server = Server(statistics, calm)
    for add in (_documents, _questions, _changes):
        add(server)
    return server


# --- documents --------------------------------------------------------------------------------------------------------


def _documents(server: Server) -> None:
    @server.feature(types.INITIALIZED)
    def initialized(params: types.InitializedParams) -> None:
        warm_up()

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: types.DidOpenTextDocumentParams) -> None:
        _keep(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: types.DidChangeTextDocumentParams) -> None:
        _keep(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def saved(params: types.DidSaveTextDocumentParams) -> None:
        _keep(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: types.DidCloseTextDocumentParams) -> None:
        folder, path = server.place(params.text_document.uri)
        folder.close(path)
        server.check_soon(folder)

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def watched(params: types.DidChangeWatchedFilesParams) -> None:
        for folder in server.folders.known.values():
            server.check_soon(folder)

    def _keep(uri: str) -> None:
        folder, path = server.place(uri)
        folder.open(path, uri, server.workspace.get_text_document(uri).source)
        server.check_soon(folder)


# --- questions --------------------------------------------------------------------------------------------------------


def _questions(server: Server) -> None:
    @server.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=list(_TRIGGERS)))
    def completion(params: types.CompletionParams) -> types.CompletionList:
        folder, path, positions, offset = server.at(params.text_document, params.position)
        return answers.completions(complete(folder.files, path, offset), positions)

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def hovered(params: types.HoverParams) -> types.Hover | None:
        folder, path, positions, offset = server.at(params.text_document, params.position)
        found = hover(folder.files, path, offset, server.statistics)
        return answers.hover(found, positions) if found else None

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    def defined(params: types.DefinitionParams) -> types.Location | None:
        folder, path, _, offset = server.at(params.text_document, params.position)
        found = definition(folder.files, path, offset)
        return answers.location(folder, found, server.encoding) if found else None

    @server.feature(types.TEXT_DOCUMENT_REFERENCES)
    def referred(params: types.ReferenceParams) -> list[types.Location]:
        folder, path, _, offset = server.at(params.text_document, params.position)
        return [answers.location(folder, one, server.encoding) for one in references(folder.files, path, offset)]

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def outlined(params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
        folder, path = server.place(params.text_document.uri)
        positions = positions_of(folder.files.get(path, ""), server.encoding)
        return [answers.symbol(one, positions) for one in symbols(folder.files, path)]


# --- changes ----------------------------------------------------------------------------------------------------------


def _changes(server: Server) -> None:
    @server.feature(types.TEXT_DOCUMENT_PREPARE_RENAME)
    def prepared(params: types.PrepareRenameParams) -> types.Range | None:
        folder, path, positions, offset = server.at(params.text_document, params.position)
        span = renamable(folder.files, path, offset)
        return positions.range(span) if span else None

    @server.feature(types.TEXT_DOCUMENT_RENAME, types.RenameOptions(prepare_provider=True))
    def renamed(params: types.RenameParams) -> types.WorkspaceEdit:
        folder, path, _, offset = server.at(params.text_document, params.position)
        renaming = rename(folder.files, path, offset, params.new_name)
        if renaming.refusal:
            raise JsonRpcException(renaming.refusal, _REQUEST_FAILED)
        return answers.edits(folder, renaming.edits, server.encoding)

    @server.feature(types.TEXT_DOCUMENT_FORMATTING)
    def formatted(params: types.DocumentFormattingParams) -> list[types.TextEdit]:
        folder, path = server.place(params.text_document.uri)
        text = folder.files.get(path, "")
        if not path.endswith(RULES):
            return []
        written = format_source(Source(path, text), read_folder_catalog(folder.files).catalog)
        whole = positions_of(text, server.encoding).range(Span(0, len(text)))
        return [types.TextEdit(whole, written)] if written != text else []

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix])
    )
    def mended(params: types.CodeActionParams) -> list[types.CodeAction]:
        folder, path = server.place(params.text_document.uri)
        source = Source(path, folder.files.get(path, ""))
        positions = positions_of(source.text, server.encoding)
        start, end = positions.offset(params.range.start), positions.offset(params.range.end)
        found = (one for one in server.found.get(folder.root, ()) if one.source == source)
        here = (one for one in found if one.span.start <= end and start <= one.span.end)
        return [action for one in here if (action := answers.fix(folder, path, one, server.encoding)) is not None]
