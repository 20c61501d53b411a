"""The bench runs, writes every line, and finds what the reference finds; how fast is no test's business."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.matching.interpreter import holds
from engine.matching.plan import compile_plan
from tests.bench import bench_batches, bench_events, bench_passes
from tests.bench.__main__ import main
from tests.bench.made_up import TODAY, batch, rows, rules
from tests.bench.measuring import Line
from tests.bench.peers import closures
from tests.bench.plain import flat, plain


def keys() -> set[str]:
    """The lines that a run has where these peers are installed."""
    peers = [name for name, (package, *_) in bench_batches.PEERS.items() if bench_events.is_here(package)]
    events = ("event.20.2", "event.1000.2", "event.1000.4")
    found = {f"{event}.{name}" for event in events for name in bench_events.installed()}
    found |= {f"batch.{what}.{least}.{name}" for what in ("every", "first") for least in (2, 4) for name in peers}
    found |= {f"event.{size}" for size in bench_events.MOST} | {f"batch.rows.1{'0' * zeros}" for zeros in (5, 6, 7)}
    found |= {"quotes.rows", "quotes.floor"}
    return found | {"batch.due", "batch.rules", "batch.simple", "index.start", "index.memory", "allot.20", "allot.1000"}


def test_every_line_is_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    in_memory = ("events", "batches", "indexes", "quotes", "budgets")
    lines = main([*in_memory, "--scale", "0.0005", "--json", str(tmp_path / "new" / "bench.json")])
    told = json.loads((tmp_path / "new" / "bench.json").read_text("utf-8"))
    assert {line.key for line in lines} == keys()
    assert [line["key"] for line in told["lines"]] == [line.key for line in lines]
    assert all(line["value"] > 0 and line["ratio"] > 0 for line in told["lines"])
    assert told["machine"]["cores"] >= 1
    printed = capsys.readouterr().out
    assert all(line.key in printed for line in lines)


@pytest.mark.postgres
def test_a_pass_is_measured_step_by_step_on_both_databases(tmp_path: Path) -> None:
    lines = {line.key: line for line in main(["passes", "--scale", "0.0005", "--json", str(tmp_path / "bench.json")])}
    for kind in ("sqlite", "postgresql"):
        steps = [line for key, line in lines.items() if key.startswith(f"passes.{kind}.")]
        assert len(steps) == len({name for name, *_ in bench_passes.STEPS})
        assert 0 < sum(line.ratio for line in steps) < 1
        assert "0 decisions" not in lines[f"passes.{kind}"].what[:20]


@pytest.mark.postgres
def test_decisions_are_measured_on_both_databases_and_servers(tmp_path: Path) -> None:
    pytest.importorskip("granian")
    lines = {line.key: line for line in main(["decisions", "--scale", "0.02", "--json", str(tmp_path / "bench.json")])}
    servers = {f"http.{name}{what}" for name in ("waitress", "granian") for what in ("", ".p99")}
    assert set(lines) == {"decide.median", "decide.p99", "durable.sqlite", "durable.postgresql", *servers}
    assert all(line.value > 0 and line.ratio > 0 for line in lines.values())


def test_an_unknown_subject_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["event"])
    assert "there is no subject event; there are events," in capsys.readouterr().err


def test_plain_conditions_mean_what_the_checked_ones_mean() -> None:
    some, table = rules(150), batch(60)
    states = rows(compile_plan(some), table)
    match = closures.match_event([plain(rule.condition, TODAY) for rule in some])
    found = [match(row) for row in flat(table).to_pylist()]
    assert found == [[n for n, rule in enumerate(some) if holds(rule.condition, row, TODAY)] for row in states]
    assert sum(map(len, found)) > 100


def test_a_goal_is_met_or_missed() -> None:
    line = Line("key", "what", 3.0, "s", 9.0, "as fast as nobody", most=4.0, ratio_least=10.0)
    assert line.goal == "under 4 s, at least 10x"
    assert not line.met
    assert Line("key", "what", 3.0, "s", 11.0, "as fast as nobody", most=4.0, ratio_least=10.0).met
    assert not Line("key", "what", 5.0, "s", 11.0, "as fast as nobody", most=4.0, ratio_least=10.0).met
    assert not Line("key", "what", 3.0, "s", 6.0, "a floor", ratio_most=5.0).met
