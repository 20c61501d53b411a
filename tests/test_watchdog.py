"""The watchdog ends a process that gives no sign of life, and only that."""

from __future__ import annotations

import logging

import pytest

from engine.watchdog import EXIT, SILENCE, Watchdog


class Process:
    def __init__(self) -> None:
        self.seconds, self.looks, self.left = 50.0, 0, []
        self.watchdog = Watchdog(lambda: self.seconds, self.left.append, self.looked)

    def looked(self) -> None:
        self.looks += 1


def test_silence_ends_the_process_with_one_sentence(caplog: pytest.LogCaptureFixture) -> None:
    process = Process()
    process.seconds += SILENCE
    process.watchdog.look()
    assert (process.left, process.looks) == ([], 1)
    process.seconds += 1
    with caplog.at_level(logging.CRITICAL):
        process.watchdog.look()
    assert process.left == [EXIT]
    assert [record.getMessage() for record in caplog.records] == [
        "The scheduler gave no sign of life for 12 minutes: this process ends with code 70 to be started anew."
    ]


def test_any_sign_of_life_is_enough() -> None:
    process = Process()
    for _ in range(20):
        process.seconds += SILENCE - 1
        process.watchdog.alive()
        process.watchdog.look()
    assert process.left == []


def test_its_thread_looks_until_it_is_stopped() -> None:
    process = Process()
    process.seconds += SILENCE + 1
    process.watchdog.start(every=0.001)
    while not process.left:
        pass
    process.watchdog.stop()
    assert set(process.left) == {EXIT}
