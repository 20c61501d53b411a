"""The house rules that a reader relies on: which way imports point, where the clock is, what lies where."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("dsl", "engine", "web", "migrations")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))

# Rooms from the first to the last: a room may import itself and what stands above it. Modules beside the rooms that
# every room may use (they import no room) are BASE.
BASE = ("engine.errors", "engine.clock", "engine.privacy", "engine.config", "engine.signals", "engine.hashing")
ROOMS = (
    "dsl",
    "engine.rule_files",
    "engine.rule_cache",
    "engine.rulebook",
    "engine.moments.calendar",
    "engine.moments.billing",
    "engine.store",
    "engine.access",
    "engine.workers",
    "engine.lease",
    "engine.pauses",
    "engine.clock_hold",
    "engine.clock_guard",
    "engine.halts",
    "engine.watchdog",
    "engine.moments",
    "engine.lateness",
    "engine.event_bounds",
    "engine.matching",
    "engine.happenings",
    "engine.pricing",
    "engine.experiments",
    "engine.propensity",
    "engine.contacts",
    "engine.budgets",
    "engine.offers",
    "engine.decisions",
    "engine.unavailable",
    "engine.plans",
    "engine.deliveries",
    "engine.reports",
    "engine.simulation",
    "engine.passes",
    "engine.distributed",
    "engine.reports.status",
    "engine.reports.status_wording",
    "engine.online",
    "engine.event_path",
    "engine.reading_path",
    "engine.alarm",
    "engine.scheduler",
    "engine.cli",
)
OUTERMOST = ("engine.cli", "engine.language_server", "engine.scheduler", "engine.demo", "web")
DSL_MAY_USE = {"lark", "yaml", "pydantic", "liquid", "z3", "dsl"}

TOP_LEVEL = {
    "dsl",
    "engine",
    "rules",
    "web",
    "migrations",
    "tests",
    "frontend",
    "setup.cfg",
    "pyproject.toml",
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    ".ci",
    ".gitignore",
}


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path) -> set[str]:
    """Absolute names of the modules that a file imports, inside functions too; `from a import b` gives a and a.b."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative imports hide the direction"
            found.update({str(node.module)}, {f"{node.module}.{alias.name}" for alias in node.names})
    return found


def within(module: str, room: str) -> bool:
    return module == room or module.startswith(room + ".")


def room_of(module: str, rooms: tuple[str, ...]) -> int | None:
    """Where its room is; of a room within a room the inner one."""
    return max((each for each in enumerate(rooms) if within(module, each[1])), default=(None, ""), key=_inner)[0]


def _inner(place: tuple[int | None, str]) -> int:
    return len(place[1])


# Libraries that take long to import and that most processes never need, by the module that says so where it needs them.
LATE = ("alembic", "dsl.templates", "liquid")
LATE_MAY = {"dsl.templates": {"liquid"}, "migrations": {"alembic"}}


def imports_at_start(path: Path) -> set[str]:
    """What a file imports when it is imported itself."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    names = {alias.name for node in body if isinstance(node, ast.Import) for alias in node.names}
    return names | {str(node.module) for node in body if isinstance(node, ast.ImportFrom)}


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_nobody_waits_for_what_most_processes_never_need(path: Path) -> None:
    module = module_of(path)
    own = next((room for room in (module, module.partition(".")[0]) if room in LATE_MAY), "")
    for imported in imports_at_start(path):
        late = [name for name in LATE if within(imported, name) and name not in LATE_MAY.get(own, set())]
        assert not late or within(module, late[0]), f"{module} imports {imported} before it needs it"


def tracked() -> list[str]:
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode:
        pytest.skip("not a git checkout")
    return listing.stdout.splitlines()


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_imports_point_backwards(path: Path) -> None:
    module = module_of(path)
    own = room_of(module, ROOMS)
    for imported in imports_of(path):
        theirs = room_of(imported, ROOMS)
        if own is not None and theirs is not None:
            assert theirs <= own, f"{module} imports {imported}, which comes later on the street"


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_nobody_imports_the_outermost_ring(path: Path) -> None:
    module = module_of(path)
    if room_of(module, OUTERMOST) is not None:
        return
    for imported in imports_of(path):
        assert room_of(imported, OUTERMOST) is None, f"{module} imports {imported}"


@pytest.mark.parametrize("path", [path for path in FILES if path.is_relative_to(ROOT / "dsl")], ids=module_of)
def test_the_language_is_pure(path: Path) -> None:
    """Standard library, four parsers of text and a solver; no clock, no database, no network, no engine."""
    for imported in imports_of(path):
        top = imported.partition(".")[0]
        assert top in DSL_MAY_USE or top in sys.stdlib_module_names, f"{module_of(path)} imports {imported}"
        assert top not in {"sqlite3", "socket", "urllib", "http", "time", "random"}, imported


@pytest.mark.parametrize("path", [path for path in FILES if module_of(path) in BASE], ids=module_of)
def test_what_every_room_may_use_uses_no_room(path: Path) -> None:
    for imported in imports_of(path):
        if imported.startswith("engine"):
            assert room_of(imported, BASE) is not None, f"{module_of(path)} imports {imported}"


def test_every_module_has_a_place_on_the_street() -> None:
    for module in map(module_of, FILES):
        if module.startswith("engine."):
            assert room_of(module, ROOMS + BASE + OUTERMOST) is not None, f"add {module} to the rooms of this test"


# --- the clock and the database --------------------------------------------------------------------------------------


def clock_calls(path: Path) -> Iterator[str]:
    """Calls that ask what time it is: datetime.now, date.today, time.time and their kin."""
    asks = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"), ("time", "time")}
    asks |= {("time", "time_ns"), ("time", "localtime"), ("time", "gmtime")}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            receiver = ast.unparse(node.func.value).rpartition(".")[2]
            if (receiver, node.func.attr) in asks:
                yield f"{path.relative_to(ROOT)}:{node.lineno}"


def test_one_place_asks_what_time_it_is() -> None:
    found = [place for path in FILES for place in clock_calls(path)]
    assert {place.partition(":")[0] for place in found} == {"engine/clock.py"}, found


SQL_DATES = re.compile(
    r"strftime\s*\(\s*'|julianday|date_trunc|date_part|\bage\s*\(|datediff|\binterval\s+'|func\.(now|date|extract|age)\b"
    r"|CURRENT_(TIMESTAMP|DATE|TIME)\b|server_default\s*=\s*func",
    re.IGNORECASE,
)


# Asks a database what time it is, and for nothing else: leases are judged by the one clock that all processes share.
DATABASE_CLOCK = ROOT / "engine" / "store" / "database_clock.py"
ASKED_OF_DATABASES = [
    path for path in FILES if path.parts[len(ROOT.parts)] in ("engine", "migrations") and path != DATABASE_CLOCK
]


@pytest.mark.parametrize("path", ASKED_OF_DATABASES, ids=module_of)
def test_no_database_does_date_arithmetic(path: Path) -> None:
    """Only text in SQL counts: docstrings may speak of what databases do."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    prose = {id(statement.value) for statement in ast.walk(tree) if isinstance(statement, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            assert not SQL_DATES.search(node.value), f"{path}:{node.lineno}: {node.value!r}"
        if isinstance(node, ast.Attribute):
            assert not SQL_DATES.search(ast.unparse(node)), f"{path}:{node.lineno}: {ast.unparse(node)}"


# --- what lies where -------------------------------------------------------------------------------------------------


def test_the_top_level_holds_what_it_should() -> None:
    assert {path.partition("/")[0] for path in tracked()} <= TOP_LEVEL


def test_there_is_no_drawer() -> None:
    """A helper lives with its only user or in a file named for its subject; no module shadows the standard library."""
    for path in tracked():
        name = Path(path).name
        assert name not in {"utils.py", "util.py", "helpers.py", "helper.py", "common.py", "misc.py"}, path
        assert path not in {"dsl/ast.py", "dsl/types.py"}, path
        assert not re.match(r"(dsl|engine|web)/(.*/)?(core|models)(/|\.py$)", path), path
        assert not re.match(r"tests/.*/__init__\.py$", path), path


def test_tests_are_flat() -> None:
    for path in tracked():
        if path.startswith("tests/") and Path(path).name.startswith("test_"):
            assert path.count("/") == 1, path


def test_nothing_is_left_for_later() -> None:
    later = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
    for path in FILES:
        assert not later.search(path.read_text(encoding="utf-8")), path
