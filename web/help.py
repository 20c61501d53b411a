"""Help that ships with Carpe: plain HTML pages in `help/`, whose every example is checked by a test.

What can be made from the language's own tables is made when a page is read (help_tables.py).
"""

from __future__ import annotations

import re
from pathlib import Path

from flask import Blueprint, abort, render_template
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from web.help_tables import filled

pages = Blueprint("help", __name__)

FOLDER = Path(__file__).parent / "help"
TOPICS = (
    "start",
    "language",
    "moments",
    "calendar",
    "conditions",
    "types",
    "offers",
    "arbitration",
    "contacts",
    "experiments",
    "messages",
    "tests",
    "words",
    "catalog",
    "imports",
    "running",
    "cluster",
    "api",
)
"""The pages, in reading order."""

_TITLE = re.compile(r"<h1>(.*?)</h1>")


@pages.get("/help")
@pages.get("/help/<topic>")
def page(topic: str = TOPICS[0]) -> ResponseReturnValue:
    if topic not in TOPICS:
        abort(404)
    # The files are ours, written as HTML: nothing that a user typed is in them.
    content = Markup(read(topic))
    return render_template("help.html", topic=topic, topics=[(each, title(each)) for each in TOPICS], content=content)


def read(topic: str) -> str:
    return filled((FOLDER / f"{topic}.html").read_text(encoding="utf-8"))


def title(topic: str) -> str:
    found = _TITLE.search(read(topic))
    return found.group(1) if found else topic
