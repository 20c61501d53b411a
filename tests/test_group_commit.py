"""Group commit: everybody is answered, in order, by one commit at a time, and nobody is left behind."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Sequence

import pytest

from engine.errors import DatabaseFull, DatabaseLocked
from engine.online.group_commit import MOST, GroupCommit
from engine.store.turns import Turns


def together(count: int, act: Callable[[int], object]) -> list[object]:
    """What so many threads are told, by number; exceptions too."""
    found: list[object] = [None] * count

    def run(number: int) -> None:
        try:
            found[number] = act(number)
        except BaseException as error:
            found[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    return found


class Disk:
    """Commits that take a moment; it remembers the groups, and that no two overlap."""

    def __init__(self, fails: Callable[[Sequence[int]], BaseException | None] = lambda group: None) -> None:
        self.groups: list[list[int]] = []
        self._busy, self._fails = threading.Lock(), fails

    def commit(self, group: Sequence[int]) -> list[int]:
        assert self._busy.acquire(blocking=False), "two commits at a time"
        time.sleep(0.002)
        self.groups.append(list(group))
        self._busy.release()
        if error := self._fails(group):
            raise error
        return [-one for one in group]


def test_everybody_gets_their_own_answers_and_commits_are_shared() -> None:
    disk = Disk()
    commits = GroupCommit(disk.commit)

    def several(number: int) -> list[Sequence[int]]:
        return [commits.ask([1000 * number + turn, 1000 * number + turn + 500]) for turn in range(1, 21)]

    found = together(16, several)
    assert found == [[[-1000 * n - t, -1000 * n - t - 500] for t in range(1, 21)] for n in range(16)]
    assert sum(map(len, disk.groups)) == 16 * 20 * 2
    assert len(disk.groups) < 16 * 20 / 3
    for number in range(16):
        mine = [one for group in disk.groups for one in group if one // 1000 == number and one % 1000 < 500]
        assert mine == sorted(mine)


def test_a_caller_who_brings_many_has_a_commit_alone() -> None:
    disk = Disk()
    commits = GroupCommit(disk.commit)
    found = together(6, lambda number: commits.ask([number] * (MOST + 5)))
    assert found == [[-number] * (MOST + 5) for number in range(6)]
    assert sorted(map(tuple, disk.groups)) == [(number,) * (MOST + 5) for number in range(6)]


@pytest.mark.parametrize("kind", [DatabaseFull, DatabaseLocked])
def test_what_keeps_a_group_from_the_disk_is_told_to_each_of_it_and_to_nobody_else(kind: type[Exception]) -> None:
    disk = Disk(lambda group: kind() if 7 in group else None)
    commits = GroupCommit(disk.commit)
    found = together(12, lambda number: commits.ask([number]))
    hurt = next(group for group in disk.groups if 7 in group)
    for number, told in enumerate(found):
        assert (isinstance(told, kind) and str(told) == str(kind())) if number in hurt else told == [-number]
    assert len({id(told) for told in found if isinstance(told, kind)}) == len(hurt)
    assert commits.ask([99]) == [-99]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), ValueError("a bug")])
def test_whatever_ends_a_commit_the_next_one_goes_on(error: BaseException) -> None:
    broken = [error]
    commits = GroupCommit(Disk(lambda group: broken.pop() if broken else None).commit)
    with pytest.raises(type(error)):
        commits.ask([1])
    assert together(4, lambda number: commits.ask([number])) == [[-number] for number in range(4)]


def interrupted(wait: Callable[[], object]) -> None:
    """Ctrl-C while the main thread waits; a shell's background jobs ignore it unless they are told otherwise."""
    main = threading.main_thread().ident
    assert main is not None
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Timer(0.1, lambda: signal.pthread_kill(main, signal.SIGINT)).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            wait()
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_caller_who_is_interrupted_leaves_the_queue_in_order() -> None:
    gate, disk = threading.Event(), Disk()
    commits = GroupCommit(lambda group: [gate.wait(30), disk.commit(group)][1])
    first = threading.Thread(target=lambda: commits.ask([1]))
    first.start()
    while not commits._is_led:
        time.sleep(0.001)
    interrupted(lambda: commits.ask([2]))
    gate.set()
    first.join(30)
    assert commits.ask([3]) == [-3]
    assert disk.groups == [[1], [3]]


def test_turns_are_taken_in_the_order_of_coming() -> None:
    turns, taken = Turns(), list[int]()
    turns.__enter__()
    threads = []
    for number in range(5):
        threads.append(threading.Thread(target=lambda number=number: in_turn(turns, taken, number)))
        threads[-1].start()
        while len(turns._waiting) <= number:
            time.sleep(0.001)
    turns.__exit__(None, None, None)
    with turns:  # who comes back at once is behind those who wait
        taken.append(99)
    for thread in threads:
        thread.join(30)
    assert taken == [0, 1, 2, 3, 4, 99]


def in_turn(turns: Turns, taken: list[int], number: int) -> None:
    with turns:
        taken.append(number)


def test_a_turn_is_not_lost_with_who_is_interrupted() -> None:
    turns, done = Turns(), threading.Event()
    holder = threading.Thread(target=lambda: hold(turns, done))
    holder.start()
    while not turns._is_taken:
        time.sleep(0.001)
    interrupted(turns.__enter__)
    done.set()
    holder.join(30)
    with turns:
        pass


def hold(turns: Turns, done: threading.Event) -> None:
    with turns:
        done.wait(30)
