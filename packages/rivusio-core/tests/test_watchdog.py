"""A step that keeps the event loop from running is named, with its stack, while it does so; nothing else is."""

from __future__ import annotations

import logging
import os
import re
import threading
import warnings
from collections.abc import Callable, Sequence

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from blocking import STUCK, FailsFirst, Holds, HoldsAsync, aware
from sample_pipes import aadd, add

from rivusio_core import ConfigError, Listener, Retry, RunInfo, branch, pipe, route
from rivusio_core.engine.patrol import Patrol, Watched, patrol
from rivusio_core.engine.watchdog import Silence, Watchdog
from rivusio_core.listener import Listeners
from rivusio_core.pipe import BasePipe

RUN = RunInfo("run", "1", ("one",))


class Ears(Listener):
    """Notes what blocks, and lets it go on."""

    def __init__(self, release: threading.Event) -> None:
        self.release = release
        self.heard: list[tuple[RunInfo, str | None, float, Sequence[str]]] = []
        self.thread = 0

    def loop_blocked(self, run: RunInfo, step: str | None, seconds: float, stack: Sequence[str]) -> None:
        self.heard.append((run, step, seconds, stack))
        self.thread = threading.get_ident()
        self.release.set()


def cases() -> dict[str, tuple[Callable[[threading.Event], BasePipe[int, int]], str]]:
    """Pipelines in which a pipe blocks, and the name of the step to be told."""
    again = Retry(attempts=2, backoff=0)
    return {
        "plain": (lambda event: aadd(amount=0) >> Holds(release=event) >> add(amount=0), "Holds"),
        "async": (lambda event: add(amount=0) >> HoldsAsync(release=event), "HoldsAsync"),
        "concurrent": (lambda event: HoldsAsync(release=event).with_options(concurrency=3, name="slow"), "slow"),
        "after a failure": (lambda event: flaky >> Holds(release=event), "Holds"),
        "while tried again": (
            lambda event: FailsFirst(release=event).with_options(retry=again, name="again") >> aware,
            "again",
        ),
        "behind one tried again": (lambda event: unlucky.with_options(retry=again) >> Holds(release=event), "Holds"),
        "with layers": (lambda event: HoldsAsync(release=event).with_options(timeout="1h"), "HoldsAsync"),
        "in a branch": (lambda event: branch(aware, Holds(release=event)) >> first, "Holds"),
        "in a route": (lambda event: route((is_stuck, Holds(release=event)), otherwise=aware), "Holds"),
    }


@pipe(on_error="skip")
async def flaky(number: int) -> int:
    if number == 1:
        raise ValueError
    return number


@pipe
async def unlucky(number: int) -> int:
    if number == STUCK and STUCK not in tried:
        tried.append(number)
        raise OSError
    return number


tried: list[int] = []


@pipe
def first(pair: tuple[int, int]) -> int:
    return pair[0]


def is_stuck(number: int) -> bool:
    return number == STUCK


@pytest.mark.anyio
@pytest.mark.parametrize("case", cases())
async def test_the_step_that_blocks_is_named(case: str, caplog: pytest.LogCaptureFixture) -> None:
    release = threading.Event()
    make, name = cases()[case]
    tried.clear()
    ears = Ears(release)
    pipeline = make(release)
    with caplog.at_level(logging.WARNING, logger="rivusio"):
        results = [each async for each in pipeline.amap([0, 3, 1, 2, 4], listeners=[ears], blocked_after="20ms")]
    assert set(results) >= {0, 2, 3, 4}
    [(run, step, seconds, stack)] = ears.heard
    assert run.name == pipeline.step_name
    assert step == name
    assert seconds >= 0.02
    assert ears.thread != threading.get_ident()
    assert "blocking.py:" in stack[0]
    assert "in hold: if not release.wait(30):" in stack[0]
    assert "in process: hold(self.release)" in stack[1]
    assert not any("test_watchdog.py" in line and "test_the_step" in line for line in stack), "who runs it is no cause"
    [record] = caplog.records
    text = record.getMessage()
    what = rf"step '{name}' has kept the event loop from running for \d+\.\d s so far at blocking\.py:\d+ in hold;"
    assert re.search(what, text)
    assert "thread=True" in text
    assert stack[0] in text


def test_map_is_watched_too() -> None:
    release = threading.Event()
    ears = Ears(release)
    pipeline = aware >> Holds(release=release)
    assert list(pipeline.map([1, 2, 3], listeners=[ears], blocked_after=0.02)) == [1, 2, 3]
    assert [step for _, step, _, _ in ears.heard] == ["Holds"]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_who_started_the_loop_is_not_blamed(backend: str) -> None:
    release = threading.Event()
    ears = Ears(release)

    async def main() -> None:
        async for _ in Holds(release=release).amap([STUCK], listeners=[ears], blocked_after="20ms"):
            pass

    anyio.run(main, backend=backend)
    [(_, _, _, stack)] = ears.heard
    assert not any("test_watchdog.py" in line for line in stack)
    assert not any("run_until_complete" in line or "unrolled_run" in line for line in stack)


@pytest.mark.anyio
async def test_code_beside_the_run_is_named_by_its_place_and_as_no_step() -> None:
    release = threading.Event()
    ears = Ears(release)
    async for number in aware.amap([1, 2], listeners=[ears], blocked_after="20ms"):
        if number == 1:
            release.wait(30)
    [(_, step, _, stack)] = ears.heard
    assert step is None
    assert "test_watchdog.py" in stack[0]


@pytest.mark.anyio
async def test_a_step_of_another_run_is_no_step_of_this_one() -> None:
    """Two runs in one loop: both stand still, one of them is why."""
    release, both = threading.Event(), threading.Event()

    class Two(Ears):
        def loop_blocked(self, run: RunInfo, step: str | None, seconds: float, stack: Sequence[str]) -> None:
            self.heard.append((run, step, seconds, stack))
            if len(self.heard) == 2:
                release.set()

    ears = Two(both)
    innocent = aware.with_options(name="innocent").amap([1, 2], listeners=[ears], blocked_after="20ms")
    assert await anext(innocent) == 1
    guilty = (aware >> Holds(release=release)).amap([2], listeners=[ears], blocked_after="20ms")
    assert [each async for each in guilty] == [2]
    assert [each async for each in innocent] == [2]
    assert {run.steps: step for run, step, _, _ in ears.heard} == {("aware", "Holds"): "Holds", ("innocent",): None}


# ------------------------------------------------------------------------------------------- by hand


class Heard(Listener):
    """The seconds of each report."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def loop_blocked(self, run: RunInfo, step: str | None, seconds: float, stack: Sequence[str]) -> None:
        self.seconds.append(seconds)


@pytest.mark.anyio
async def test_one_report_for_each_incident() -> None:
    heard = Heard()
    with Watchdog(RUN, Listeners([heard]), after="1000s") as dog:
        for start in (0.0, 100_000.0):
            for tick in range(12):
                dog.look(start + tick * 250, 0.0)
            await turn()
            dog.look(start + 50_000, 0.0)
            await turn()
    assert heard.seconds == [1_000.0, 1_000.0]


@pytest.mark.anyio
async def test_a_loop_that_answers_is_never_reported() -> None:
    heard = Heard()
    with Watchdog(RUN, Listeners([heard]), after="1000s") as dog:
        for tick in range(100):
            dog.look(tick * 1_000.0, tick * 1_000.0)
            await turn()
    assert heard.seconds == []


@pytest.mark.anyio
async def test_a_process_that_was_stopped_is_not_reported_and_one_that_computes_is() -> None:
    for computed, expected in ((0.0, []), (60_000.0, [60_000.0])):
        heard = Heard()
        with Watchdog(RUN, Listeners([heard]), after="1000s") as dog:
            dog.look(0.0, 0.0)
            dog.look(60_000.0, computed)
            assert heard.seconds == expected
            dog.look(60_250.0, computed)
            assert heard.seconds == expected
            dog.look(60_500.0, computed)
            dog.look(60_750.0, computed)
            assert heard.seconds == (expected or [1_000.0]), "but what goes on blocking after it is"


@pytest.mark.anyio
async def test_after_the_run_nothing_is_reported() -> None:
    heard = Heard()
    with Watchdog(RUN, Listeners([heard]), after="1000s") as dog:
        dog.look(0.0, 0.0)
    for tick in range(20):
        dog.look(tick * 250.0, 0.0)
    assert heard.seconds == []


def test_silence_counts_what_the_watcher_saw() -> None:
    silence = Silence(every=0.25)
    silence.begin(10.0, 5.0)
    for now, cpu, total in (
        (10.25, 5.0, 0.25),
        (10.70, 5.0, 0.70),  # a little late
        (99.70, 5.0, 0.95),  # the process stood still
        (104.70, 9.0, 4.95),  # it computed, four of five seconds
        (105.70, 19.0, 5.95),  # several threads computed
    ):
        silence.look(now, cpu)
        assert silence.seconds == pytest.approx(total)


async def turn() -> None:
    """Let the loop do what other threads asked for: it is seen at its next turn but one at the latest."""
    for _ in range(3):
        await anyio.lowlevel.checkpoint()
        await anyio.to_thread.run_sync(int)


# -------------------------------------------------------------------------------------------------- beginning and end


class Looked:
    """Counts the looks."""

    every = 0.001

    def __init__(self) -> None:
        self.looked = threading.Semaphore(0)

    def look(self, now: float, cpu: float) -> None:
        self.looked.release()


def test_one_thread_looks_after_all_and_ends_when_there_is_nothing_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rivusio_core.engine.patrol._PERIOD", 0.001)
    before = set(threading.enumerate())
    patrol, several = Patrol(), [Looked(), Looked()]
    for each in several:
        patrol.add(each)
    [thread] = set(threading.enumerate()) - before
    assert thread.daemon
    for each in several:
        assert each.looked.acquire(timeout=30)
        patrol.remove(each)
    thread.join(30)
    assert not thread.is_alive()
    patrol.add(several[0])
    while several[0].looked.acquire(blocking=False):
        pass
    assert several[0].looked.acquire(timeout=30), "it starts again"
    patrol.remove(several[0])


def test_a_newcomer_with_a_short_interval_is_not_kept_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rivusio_core.engine.patrol._PERIOD", 1_000_000)
    patrol, long, short = Patrol(), Looked(), Looked()
    long.every = 1_000_000
    patrol.add(long)
    while not patrol._period:  # nothing tells but looking
        threading.Event().wait(0.001)
    patrol.add(short)
    assert short.looked.acquire(timeout=30)
    assert not long.looked.acquire(blocking=False)
    patrol.remove(short)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_process_has_a_thread_of_its_own() -> None:
    looked = Looked()
    patrol.add(looked)
    assert looked.looked.acquire(timeout=30)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads, which is what is tested
        child = os.fork()
    if child == 0:
        here = Looked()
        patrol.add(here)
        os._exit(0 if here.looked.acquire(timeout=30) else 1)
    patrol.remove(looked)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.anyio
async def test_a_run_is_watched_while_it_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = list[tuple[str, Watched]]()
    monkeypatch.setattr(patrol, "add", lambda dog: calls.append(("add", dog)))
    monkeypatch.setattr(patrol, "remove", lambda dog: calls.append(("remove", dog)))
    results = aware.amap([1, 2])
    assert await anext(results) == 1
    assert [what for what, _ in calls] == ["add"]
    assert [each async for each in results] == [2]
    (_, added), (what, removed) = calls
    assert (what, removed) == ("remove", added)
    assert [each async for each in aware.amap([1], blocked_after=None)] == [1]
    assert calls[2:] in ([], [("remove", calls[-1][1])]), "it is not watched"


def test_one_that_was_left_in_a_closed_loop_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    own, gone = Patrol(), threading.Event()
    monkeypatch.setattr("rivusio_core.engine.watchdog.patrol", own)
    remove = own.remove

    def removed(watched: Watched) -> None:
        remove(watched)
        gone.set()

    monkeypatch.setattr(own, "remove", removed)

    async def main() -> None:
        Watchdog(RUN, Listeners(), after="20ms").__enter__()

    for backend in ("asyncio", "trio"):
        anyio.run(main, backend=backend)
        assert gone.wait(30)
        gone.clear()


@pytest.mark.parametrize("wrong", ["0s", -1, "soon"])
def test_wrong_times_are_refused_at_once(wrong: str) -> None:
    with pytest.raises(ConfigError, match="blocked_after"):
        aware.map([1], blocked_after=wrong)
