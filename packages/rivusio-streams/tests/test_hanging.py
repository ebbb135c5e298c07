"""Calls that never return: they are named, and do not hold up the end of a run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

import anyio
import pytest

from rivusio_core.errors import DrainTimeout, SourceError
from rivusio_core.listener import Listener, RunInfo
from rivusio_streams import (
    AsyncPartition,
    AsyncSource,
    EndOfPartition,
    Flow,
    MemoryStore,
    Partition,
    Position,
    Restart,
    RunConfig,
    Sink,
    Source,
    Stream,
)
from rivusio_streams.engine.blocking import Blocking

QUICK = {"drain_timeout": "50ms"}


class Hang:
    """A call that returns once the test is over."""

    def __init__(self) -> None:
        self.begun, self.let_go = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.begun.set()
        assert self.let_go.wait(60)


@pytest.fixture
def hang() -> Generator[Hang, None, None]:
    made = Hang()
    yield made
    made.let_go.set()


class Written(Sink[int]):
    """Does something in one of its calls."""

    def __init__(self, **calls: Callable[[], None]) -> None:
        self.calls, self.closed, self.items = calls, list[bool](), list[int]()

    def __copy__(self) -> Written:
        return self

    def write(self, batch: Sequence[int]) -> None:
        self.items += batch
        self.calls.get("write", int)()

    def flush(self) -> None:
        self.calls.get("flush", int)()

    def close(self) -> None:
        self.closed.append(True)
        self.calls.get("close", int)()


class Hanging(Source[int], Partition[int]):
    """Gives some items, then nothing more, for ever; or hangs when it is to acknowledge."""

    bounded = False

    def __init__(self, call: Callable[[], None]) -> None:
        self.call, self.given, self.closed = call, False, list[bool]()

    def open_partition(self, partition: str, position: Position | None) -> Partition[int]:
        return self

    def next_batch(self, maximum: int) -> list[int]:
        if self.given:
            self.call()
            raise EndOfPartition
        self.given = True
        return [1, 2, 3]

    def close(self) -> None:
        self.closed.append(True)


def test_a_sink_that_hangs_does_not_hold_up_a_stop(hang: Hang, caplog: pytest.LogCaptureFixture) -> None:
    sink = Written(write=hang)
    run = Stream.read([1, 2, 3]).write(sink).start(RunConfig(**QUICK))
    assert hang.begun.wait(30)
    run.stop()
    with pytest.raises(DrainTimeout, match="longer than drain_timeout=50ms"):
        run.wait(30)
    assert "sink 'Written': writing has not returned 25ms after the run was cancelled" in caplog.text
    assert sink.closed == []  # a thread works with it still


def test_a_source_that_hangs_does_not_hold_up_a_stop(hang: Hang, caplog: pytest.LogCaptureFixture) -> None:
    """What it gave before is written, and the stop is a clean one."""
    source, out = Hanging(hang), list[int]()
    run = Stream.read(source).write(out).start(RunConfig(**QUICK))
    assert hang.begun.wait(30)
    run.stop()
    report = run.wait(30)
    assert (report.stopped, out) == (True, [1, 2, 3])
    assert "source Hanging: reading has not returned" in caplog.text
    assert source.closed == []


def test_closing_that_hangs_does_not_hold_up_the_end(hang: Hang, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rivusio_streams.engine.run._CLOSING", 0.05)
    sink, other = Written(close=hang), Written()
    numbers = Stream.read([1, 2, 3])
    Flow.of(numbers.write(sink), numbers.write(other)).run(RunConfig(**QUICK))
    assert sink.items == other.items == [1, 2, 3]


def test_a_store_that_hangs_does_not_hold_up_a_stop(hang: Hang, caplog: pytest.LogCaptureFixture) -> None:
    class Store(MemoryStore):
        def put(self, name: str, data: bytes) -> None:
            hang()

    run = Stream.read([1, 2, 3]).write([]).start(RunConfig(checkpoint=Store(), **QUICK))
    assert hang.begun.wait(30)
    run.stop()
    with pytest.raises(DrainTimeout):
        run.wait(30)
    assert "checkpoint store memory: writing has not returned" in caplog.text


class Broken(AsyncSource[int], AsyncPartition[int]):
    """Gives one item, and fails once something has begun to hang."""

    bounded = False

    def __init__(self, hang: Hang) -> None:
        self.hang, self.given = hang, False

    async def open_partition(self, partition: str, position: Position | None) -> AsyncPartition[int]:
        return self

    async def next_batch(self, maximum: int) -> list[int]:
        if self.hang.begun.is_set():
            raise ConnectionError
        if self.given:
            return []
        self.given = True
        return [1]


def test_nothing_is_begun_again_while_something_hangs(hang: Hang, caplog: pytest.LogCaptureFixture) -> None:
    """The call may still do what it was asked for, in the midst of the next run."""
    slow, fine = Written(write=hang), Written()
    flow = Flow.of(Stream.read(Broken(hang)).write([]), Stream.read([7]).write(slow), Stream.read([8]).write(fine))
    with pytest.raises(SourceError, match="ConnectionError"):
        flow.run(RunConfig(restart=Restart("10ms"), **QUICK))
    assert "writing has not returned" in caplog.text
    assert slow.items == [7]


@pytest.mark.anyio
async def test_a_call_that_ends_in_time_is_waited_for() -> None:
    """What it gives is undone where nobody is there to take it."""
    begun, undone, go = threading.Event(), list[str](), threading.Event()

    def opens() -> str:
        begun.set()
        assert go.wait(30)
        return "opened"

    blocking = Blocking("it")
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: blocking.call("opening", opens, undone.append))
        await anyio.to_thread.run_sync(begun.wait)
        group.cancel_scope.cancel()
        go.set()
    assert (undone, blocking.stuck) == (["opened"], "")
    assert await blocking.call("reading", lambda: 5) == 5


@pytest.mark.anyio
async def test_a_call_that_was_not_begun_is_not_waited_for() -> None:
    called, limiter = list[int](), anyio.CapacityLimiter(1)
    limiter.acquire_on_behalf_of_nowait("somebody else")
    blocking = Blocking("it", 60.0, limiter)
    with anyio.move_on_after(0.01):
        await blocking.call("reading", lambda: called.append(1))
    assert (called, blocking.stuck) == ([], "")


# ------------------------------------------------------------------------------------------------- the event loop


class Heard(Listener):
    def __init__(self) -> None:
        self.blocked = list[tuple[str | None, float, str]]()
        self.heard = threading.Event()

    def loop_blocked(self, info: RunInfo, step: str | None, seconds: float, stack: Sequence[str]) -> None:
        self.blocked.append((step, seconds, "\n".join(stack)))
        self.heard.set()


def test_a_pipe_that_blocks_is_named_with_its_stack(caplog: pytest.LogCaptureFixture) -> None:
    """Promise: blocking sync pipe: named, with its stack."""
    listener = Heard()

    def looks_up(n: int) -> int:
        assert listener.heard.wait(30)
        return n

    Stream.read([1]).map(looks_up).write([]).run(RunConfig(listeners=[listener], blocked_after="50ms"))
    step, _, stack = listener.blocked[0]
    assert step == "looks_up"
    assert "test_hanging.py" in stack
    assert "thread=True" in caplog.text


def test_a_slow_thread_blocks_nothing() -> None:
    listener = Heard()

    def waits() -> None:
        threading.Event().wait(0.2)

    Stream.read([1]).write(Written(write=waits)).run(RunConfig(listeners=[listener], blocked_after="50ms"))
    assert listener.blocked == []


# ------------------------------------------------------------------------------------------------- the command


@pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
@pytest.mark.parametrize("part", ["sink", "source"])
def test_the_command_ends_though_a_thread_hangs(tmp_path: Path, part: str) -> None:
    (tmp_path / "shop.py").write_text(
        textwrap.dedent(
            f"""
            import threading, time
            from rivusio_streams import Partition, Sink, Source, Stream

            def hang():
                print("hanging", flush=True)
                threading.Event().wait()

            class Numbers(Source[int], Partition[int]):
                bounded = False
                given = False
                def open_partition(self, partition, position):
                    return self
                def next_batch(self, maximum):
                    if self.given:
                        hang() if {part == "source"} else time.sleep(0.01)
                        return []
                    self.given = True
                    return [1]

            class Out(Sink[int]):
                def write(self, batch):
                    if {part == "sink"}:
                        hang()

            flow = Stream.read(Numbers()).write(Out())
            """
        )
    )
    command = [sys.executable, "-m", "rivusio_core", "run", "shop.py:flow", "--set", "drain_timeout=100ms"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "hanging\n"
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert process.returncode == (75 if part == "sink" else 0)
    assert "has not returned 50ms after the run was cancelled" in told
