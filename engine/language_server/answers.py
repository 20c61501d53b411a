"""What the language service says, in the words of the protocol."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from lsprotocol import types

from dsl.diagnostics import Diagnostic, Severity
from dsl.language_service.hover import Hover
from dsl.language_service.navigation import Location, Symbol
from dsl.language_service.renaming import Edit
from dsl.language_service.vocabulary import Completion
from engine.language_server.folders import Folder
from engine.language_server.positions import Positions, positions_of

_SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.INFO: types.DiagnosticSeverity.Information,
}
_KINDS = {
    "moment": types.CompletionItemKind.Event,
    "attribute": types.CompletionItemKind.Field,
    "property": types.CompletionItemKind.Property,
    "variable": types.CompletionItemKind.Variable,
    "segment": types.CompletionItemKind.Class,
    "rule": types.CompletionItemKind.Function,
    "plan": types.CompletionItemKind.Constant,
    "add-on": types.CompletionItemKind.Constant,
    "bundle": types.CompletionItemKind.Constant,
    "value": types.CompletionItemKind.EnumMember,
    "unit": types.CompletionItemKind.Unit,
    "currency": types.CompletionItemKind.Unit,
    "comparator": types.CompletionItemKind.Operator,
    "message": types.CompletionItemKind.File,
    "keyword": types.CompletionItemKind.Keyword,
}
_SYMBOLS = {"rule": types.SymbolKind.Function, "segment": types.SymbolKind.Class, "test": types.SymbolKind.Event}


def diagnostic(found: Diagnostic, positions: Positions) -> types.Diagnostic:
    """The sentence with its hint below; the code is Carpe's own."""
    return types.Diagnostic(
        range=positions.range(found.span),
        message=f"{found.message}\n{found.hint}" if found.hint else found.message,
        severity=_SEVERITIES[found.severity],
        code=found.code,
        source="carpe",
    )


def completions(found: Sequence[Completion], positions: Positions) -> types.CompletionList:
    """In the order of the service, which `sort_text` keeps."""
    items = [
        types.CompletionItem(
            label=one.label,
            kind=_KINDS.get(one.kind, types.CompletionItemKind.Text),
            detail=one.detail or one.kind,
            documentation=one.documentation or None,
            sort_text=f"{number:04}",
            filter_text=one.insert,
            text_edit=types.TextEdit(positions.range(one.span), one.insert),
        )
        for number, one in enumerate(found)
    ]
    return types.CompletionList(is_incomplete=False, items=items)


def hover(found: Hover, positions: Positions) -> types.Hover:
    return types.Hover(types.MarkupContent(types.MarkupKind.PlainText, found.text), positions.range(found.span))


def location(folder: Folder, found: Location, encoding: str) -> types.Location:
    positions = positions_of(folder.files.get(found.path, ""), encoding)
    return types.Location(folder.uri(found.path), positions.range(found.span))


def symbol(found: Symbol, positions: Positions) -> types.DocumentSymbol:
    return types.DocumentSymbol(
        name=found.name,
        kind=_SYMBOLS[found.kind],
        detail=found.kind,
        range=positions.range(found.span),
        selection_range=positions.range(found.name_span),
    )


def edits(folder: Folder, changes: Mapping[str, Iterable[Edit]], encoding: str) -> types.WorkspaceEdit:
    made = {}
    for path, found in changes.items():
        positions = positions_of(folder.files.get(path, ""), encoding)
        made[folder.uri(path)] = [types.TextEdit(positions.range(edit.span), edit.text) for edit in found]
    return types.WorkspaceEdit(changes=made)


def fix(folder: Folder, path: str, found: Diagnostic, encoding: str) -> types.CodeAction | None:
    """The fix of a diagnostic, if it has one."""
    if found.fix is None:
        return None
    positions = positions_of(folder.files.get(path, ""), encoding)
    replaced = found.source.slice(found.fix.span)
    if not found.fix.text:
        title = f"Remove {replaced}"
    else:
        title = f"Replace {replaced} by {found.fix.text}" if replaced else f"Write {found.fix.text}"
    return types.CodeAction(
        title=title,
        kind=types.CodeActionKind.QuickFix,
        diagnostics=[diagnostic(found, positions)],
        edit=edits(folder, {path: [Edit(found.fix.span, found.fix.text)]}, encoding),
        is_preferred=True,
    )
