"""Coverage-guided search for a text that breaks a promise: `make fuzz`, `make fuzz SECONDS=600`.

    python tests/fuzz/fuzz_language.py rules|catalog|message [SECONDS]

The search starts from the saved corpus, the golden files and the example ruleset, and knows the words of the language.
A text that breaks a promise (robustness.py) is saved in the corpus, whose every file a normal test reads again. What
the search merely found interesting stays under var/ and is not kept.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent)]

with atheris.instrument_imports(include=["dsl"]):
    import robustness

    from dsl.splitter import split
    from dsl.words import NEVER_VALUES, RESERVED, SPELLINGS

LONGEST = 64 * 1024
SEEDS = {
    "rules": ["tests/golden/*.rules", "rules/*.rules"],
    "catalog": ["tests/golden/catalog.yaml", "rules/catalog.yaml"],
    "message": ["rules/messages/*.txt"],
}
SIGNS = ["{{", "}}", "{%", "%}", "|", "---\n", "- ", ": ", "&a ", "*a", "<<<<<<< ", "=======", ">>>>>>> ", "\\", '"']


def seeds(kind: str) -> list[str]:
    """Small texts: a file of rules gives its declarations."""
    paths = [path for pattern in SEEDS[kind] for path in sorted(TESTS.parent.glob(pattern))]
    texts = [path.read_text("utf-8") for path in paths]
    if kind != "rules":
        return texts
    return [text[chunk.span.start : chunk.span.end] for text in texts for chunk in split(text)]


def dictionary() -> str:
    """The words and signs, in libFuzzer's form: "\\x61\\x6e\\x64" a line."""
    words = {*SPELLINGS.values(), *RESERVED, *NEVER_VALUES, *SIGNS}
    return "".join('"' + "".join(f"\\x{byte:02x}" for byte in word.encode()) + '"\n' for word in sorted(words))


def main(kind: str, seconds: int) -> None:
    read = robustness.READERS[kind]
    found, saved = TESTS.parent / "var" / "fuzz" / kind, TESTS / "fuzz" / "corpus" / kind
    found.mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(seeds(kind)):
        (found / f"seed-{number}").write_text(text, "utf-8")
    words = found.parent / "words"
    words.write_text(dictionary(), "utf-8")
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST}",
        f"-dict={words}",
        f"-artifact_prefix={saved}/",
        "-timeout=20",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(found), str(saved)], lambda data: read(decoded(data)))
    atheris.Fuzz()


def decoded(data: bytes) -> str:
    """As files are read: bytes that are no UTF-8 become the replacement character."""
    return data.decode("utf-8", "replace")


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in robustness.READERS:
        sys.exit(f"Say what to search: {', '.join(robustness.READERS)}.")
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 60)
