"""A new rule file: ask for a name, then open the editor on a first sentence; saving makes the file."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from dsl.catalog import Catalog
from web.desk import desk
from web.drafts import draft
from web.editor import RULE_FILE, page
from web.sign_in import may_edit

pages = Blueprint("new_file", __name__)

_FIRST_TEXT = """# What this file is about, for the next reader.

rule {name}_1 "A title for people"
  on {moment}
  offer {product}
"""


@pages.get("/new")
def begin() -> ResponseReturnValue:
    may_edit()
    return render_template("new.html", name="", problem=None)


@pages.post("/new")
def create() -> ResponseReturnValue:
    may_edit()
    name = request.form.get("name", "").strip().removesuffix(".rules")
    path = f"{name}.rules"
    problem = None
    if not RULE_FILE.fullmatch(path):
        problem = "Use small letters, digits, - and _ for the name, such as spring_sale."
    elif path in desk().rulebook.current().files:
        problem = f"There is a file {path} already."
    if problem:
        return render_template("new.html", name=name, problem=problem), 422
    return page(draft(desk().rulebook.current(), path, _first_text(name, desk().ruleset().catalog)), "")


def _first_text(name: str, catalog: Catalog) -> str:
    """A whole rule in the words of the catalog."""
    slug = name.replace("-", "_")
    return _FIRST_TEXT.format(
        name=slug if slug[0].isalpha() else f"rule_{slug}",
        moment=next(iter(catalog.moments), "billing_anniversary"),
        product=max(catalog.plans.values(), key=lambda plan: plan.rank).name if catalog.plans else "premium",
    )
