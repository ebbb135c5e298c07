"""A crash, a hang or a leak in an isolated pipe costs one item, not the run; its neighbours come through."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from pickle import PickleBuffer

import psutil
import pytest
from wild_pipes import Parent, Patient, sizes, wild, wild_flat

from rivusio_core import (
    ConfigError,
    DeadLetter,
    LimitExceeded,
    Limits,
    Parallel,
    PipeCrashed,
    PipeError,
    PipeTimeout,
    Retry,
    pipe,
)
from rivusio_core.pipe import BasePipe
from rivusio_core.policy.options import OptionSettings

SMALL = Limits(memory="64MiB", cpu="1s")

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")


def treated(step: BasePipe[str, str], *items: str) -> tuple[list[str], list[DeadLetter]]:
    """The results of a run that goes on whatever happens, and its dead letters."""
    letters: list[DeadLetter] = []
    return list(step.with_options(on_error="dead_letter").map(items, dead_letters=letters)), letters


CRASHES = {
    "segfault": (-11, "SIGSEGV"),
    "abort": (-6, "SIGABRT"),
    "kill": (-9, "SIGKILL"),
    "_exit 3": (3, ""),
    "_exit 0": (0, ""),
    "exit 4": (4, ""),
}


@pytest.mark.parametrize("what", CRASHES)
def test_a_crash_costs_one_item(what: str) -> None:
    results, letters = treated(wild.with_options(isolate=True), "a", "b", what, "c", "d")
    assert results == ["a", "b", "c", "d"]
    [letter] = letters
    error = letter.error
    assert letter.value == what
    assert isinstance(error, PipeCrashed)
    assert (error.pipe, error.position) == ("wild", 2)
    assert (error.code, error.signal) == CRASHES[what]
    assert f"exit code {error.code}" in str(error)
    assert error.signal in str(error)


def test_an_interrupt_in_there_is_a_crash(capfd: pytest.CaptureFixture[str]) -> None:
    results, letters = treated(wild.with_options(isolate=True), "interrupt", "a")
    assert results == ["a"]
    assert isinstance(letters[0].error, PipeCrashed)
    assert "KeyboardInterrupt" in capfd.readouterr().err


def test_every_item_may_crash_with_several_at_once() -> None:
    items = ["segfault", "a", "exit 1", "b", "_exit 1", "c", "abort"] * 2
    results, letters = treated(wild.with_options(isolate=True, concurrency=3), *items)
    assert results == ["a", "b", "c"] * 2
    letters.sort(key=lambda letter: letter.error.position or 0)  # they come as they are ready
    assert [letter.value for letter in letters] == ["segfault", "exit 1", "_exit 1", "abort"] * 2
    assert [letter.error.position for letter in letters] == [0, 2, 4, 6, 7, 9, 11, 13]
    assert {type(letter.error) for letter in letters} == {PipeCrashed}


def test_a_crash_is_an_error_like_any_other_for_the_rest() -> None:
    step = wild.with_options(isolate=True)
    with pytest.raises(PipeCrashed, match=r"pipe 'wild' failed on item 1: its worker process died \(exit code 5\)"):
        list(step.map(["a", "exit 5"]))
    with pytest.raises(PipeError, match="after 2 attempts") as caught:
        list(step.with_options(retry=Retry(attempts=2, backoff=0)).map(["exit 5"]))
    assert isinstance(caught.value.cause, PipeCrashed)
    with pytest.raises(PipeCrashed), step.opened() as opened:
        opened.run("exit 5")


@pytest.mark.anyio
async def test_it_works_in_a_running_loop() -> None:
    step = wild.with_options(isolate=True, on_error="skip")
    assert [each async for each in step.amap(["a", "segfault", "b"])] == ["a", "b"]


def test_the_process_stays_while_it_is_well_and_is_another_afterwards() -> None:
    step = wild.with_options(isolate=True, on_error="skip")
    first, again, after_an_error, after_a_crash = list(
        step.map(["process", "process", "raise", "process", "segfault", "process"])
    )
    assert first == again == after_an_error
    assert first != after_a_crash


def test_flat_pipes_and_whole_pipelines_in_processes() -> None:
    assert treated(wild_flat.with_options(isolate=True), "a", "exit 1", "b")[0] == ["a", "and more", "b", "and more"]
    step = wild.with_options(isolate=True, on_error="skip", limits=Limits(time="1m"))
    parallel = Parallel(kind="process", workers=1)
    assert list(step.map(["a", "segfault", "b"], parallel=parallel)) == ["a", "b"]


@pytest.mark.skipif(sys.platform == "win32", reason="no core dumps there")
def test_it_dumps_no_core() -> None:
    assert wild.with_options(isolate=True).run("core") == "0"


# ------------------------------------------------------------------------------------------------------------- limits


@on_linux
def test_memory_that_is_too_much_fails_the_item_alone() -> None:
    step = wild.with_options(isolate=True, limits=Limits(memory="64MiB"))
    results, letters = treated(step, "take 40", "take 400", "take 40", "lean 400")
    assert results == ["take 40", "take 40", "went without"]
    [letter] = letters
    assert isinstance(letter.error, LimitExceeded)
    assert letter.error.limit == "memory"
    assert "memory='64MiB'" in str(letter.error)
    assert isinstance(letter.error.__cause__, MemoryError)


@on_linux
def test_results_and_items_count_as_well() -> None:
    step = wild.with_options(isolate=True, limits=Limits(memory="64MiB"))
    for what in ("give 70", "x" * (200 << 20)):
        results, letters = treated(step, "a", what, "b")
        assert results == ["a", "b"]
        assert [getattr(letter.error, "limit", "") for letter in letters] == ["memory"]


@on_linux
def test_an_item_of_large_buffers_is_skipped_as_a_whole() -> None:
    step = sizes.with_options(isolate=True, limits=Limits(memory="64MiB"), on_error="skip")
    large, small = PickleBuffer(bytearray(100 << 20)), PickleBuffer(bytearray(5))
    assert list(step.map([[small], [small, large, small], [large, small], [small, small]])) == [5, 10]


@on_linux
def test_a_leak_is_found_and_ends_with_the_process() -> None:
    step = wild.with_options(isolate=True, limits=Limits(memory="64MiB"))
    results, letters = treated(step, *["leak 20"] * 20)
    assert [type(letter.error) for letter in letters] == [LimitExceeded] * len(letters)
    assert 3 <= len(letters) <= 7
    first = letters[0].error.position
    assert first is not None
    assert [letter.error.position for letter in letters] == list(range(first, 20, first + 1)), "each starts anew"
    assert len(results) == 20 - len(letters)


@on_linux
def test_what_the_setup_uses_does_not_count() -> None:
    step = Patient().with_options(isolate=True, limits=Limits(memory="64MiB", cpu="100ms"))
    results, letters = treated(step, "take 40", "take 400")
    assert results == ["take 40"]
    assert len(letters) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of processor time there")
@pytest.mark.parametrize("what", ["burn", "burn beside", "burn 30"])
def test_processor_time_is_limited_for_each_call(what: str) -> None:
    step = wild.with_options(isolate=True, limits=Limits(cpu="300ms"))
    results, letters = treated(step, *["burn 0.1"] * 6, what, "burn 0.1")
    assert results == ["burn 0.1"] * 7
    [letter] = letters
    assert isinstance(letter.error, LimitExceeded)
    assert letter.error.limit == "cpu"
    assert letter.error.position == 6
    assert "cpu=300ms" in str(letter.error)


def test_time_is_limited_and_what_hangs_is_killed() -> None:
    step = wild.with_options(isolate=True, limits=Limits(time="200ms"))
    results, letters = treated(step, "a", "hang", "b")
    assert results == ["a", "b"]
    [letter] = letters
    assert isinstance(letter.error, LimitExceeded)
    assert letter.error.limit == "time"
    assert "time=200ms" in str(letter.error)


def test_the_shorter_of_time_and_timeout_tells() -> None:
    for limits, timeout, kind in (("50ms", "1h", LimitExceeded), ("1h", "50ms", PipeTimeout)):
        step = wild.with_options(isolate=True, limits=Limits(time=limits), timeout=timeout)
        _, letters = treated(step, "hang")
        assert [type(letter.error) for letter in letters] == [kind]


def test_a_limit_is_not_tried_again() -> None:
    step = wild.with_options(isolate=True, limits=Limits(time="100ms"), retry=Retry(attempts=3, backoff=0))
    _, letters = treated(step, "hang")
    assert letters[0].error.attempts == 1


def test_process_takes_limits_too() -> None:
    _, letters = treated(wild.with_options(process=True, limits=Limits(time="100ms")), "hang")
    assert isinstance(letters[0].error, LimitExceeded)


@pytest.mark.skipif(sys.platform == "win32", reason="no process groups there")
def test_what_it_started_ends_with_it(tmp_path: Path) -> None:
    note = tmp_path / "child"
    step = Parent(note=note).with_options(isolate=True, timeout="2s")
    _, letters = treated(step, "hang")
    assert isinstance(letters[0].error, PipeTimeout)
    child = int(note.read_text())
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


# ---------------------------------------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ({"memory": "much"}, "memory"),
        ({"memory": 0}, "memory"),
        ({"cpu": "0s"}, "cpu"),
        ({"time": -1}, "time"),
        ({"time": "soon"}, "time"),
    ],
)
def test_wrong_limits_are_refused_by_name(arguments: dict[str, str], path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Limits(**arguments)
    assert [fault.path for fault in caught.value.faults] == [path]


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        Limits(memory=0, cpu=0, time=0)
    assert {fault.path for fault in caught.value.faults} == {"memory", "cpu", "time"}


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"isolate": True, "process": True}, "isolate"),
        ({"isolate": True, "thread": True}, "isolate"),
        ({"thread": True, "process": True}, "process"),
        ({"isolate": 1}, "isolate"),
        ({"limits": "64MiB"}, "limits"),
    ],
)
def test_options_that_exclude_each_other(options: OptionSettings, path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        wild.with_options(**options)
    assert [fault.path for fault in caught.value.faults] == [path]


def test_limits_need_a_process_and_isolation_a_sync_pipe() -> None:
    @pipe
    async def waits(number: int) -> int:
        return number

    with pytest.raises(ConfigError, match=r"'wild': limits= needs isolate=True"):
        wild.with_options(limits=SMALL).map(["a"])
    with pytest.raises(ConfigError, match=r"'waits': isolate=True is for sync pipes"):
        waits.with_options(isolate=True).map([1])


@pytest.mark.parametrize(("platform", "unknown"), [("linux", ""), ("darwin", "memory"), ("win32", "memory and cpu")])
def test_limits_that_a_system_cannot_keep_are_refused_there(
    platform: str, unknown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    limits = Limits(memory="1GiB", cpu="1s", time="1s")
    assert " and ".join(limits.unknown_here()) == unknown
    step = wild.with_options(isolate=True, limits=limits)
    if unknown:
        with pytest.raises(ConfigError, match=f"limits: {unknown} cannot be limited on {platform}"):
            step.map(["a"])
    assert Limits(time="1s").unknown_here() == ()


def test_the_errors_can_be_sent_between_processes() -> None:
    crashed = pickle.loads(pickle.dumps(PipeCrashed("x", code=-11)))
    assert (crashed.code, crashed.signal, str(crashed)) == (-11, "SIGSEGV", "x")
    exceeded = pickle.loads(pickle.dumps(LimitExceeded("y", limit="cpu")))
    assert (exceeded.limit, str(exceeded)) == ("cpu", "y")
    assert PipeCrashed(code=-999).signal == ""
