"""Help for the codes of findings: what each means, with a wrong and a right example."""

from __future__ import annotations

from itertools import groupby

from flask import Blueprint, abort, render_template
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from dsl.codes import pages as codes
from web import help

pages = Blueprint("codes", __name__)


@pages.get("/help/codes")
def index() -> ResponseReturnValue:
    subjects = [(subject, list(found)) for subject, found in groupby(codes.pages().values(), lambda each: each.subject)]
    return _shown(render_template("_codes.html", subjects=subjects))


@pages.get("/help/codes/<code>")
def one(code: str) -> ResponseReturnValue:
    found = codes.page(code)
    if found is None:
        abort(404)
    # `...` in a meaning marks code: every second part.
    return _shown(render_template("_code.html", page=found, meaning=found.meaning.split("`")))


def _shown(content: str) -> str:
    """Within the frame of the help; the content is a template's, which has escaped what is in it."""
    topics = [(each, help.title(each)) for each in help.TOPICS]
    return render_template("help.html", topic="codes", topics=topics, content=Markup(content))
