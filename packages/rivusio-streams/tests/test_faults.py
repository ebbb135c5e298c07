"""Operations that hang: the run is cut there, nothing of it is left, and what is unsound shows."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest
from protocols import Appended, lines

from rivusio_streams import JsonLines, Stream
from rivusio_streams.flow import Flow
from rivusio_streams.sink import Sink
from rivusio_streams.testing import crash_check
from rivusio_streams.testing.faults import Crash, Faults, broken_sink


def to_file(place: Path) -> Flow:
    return Stream.read([1, 3, 2]).write(JsonLines(place / "out.jsonl", append=True))


def test_every_operation_hangs_once_and_the_next_run_goes_on() -> None:
    report = crash_check(to_file, lines, kinds=("hang",))
    assert report.crashes == report.operations
    assert (report.lost, report.duplicated) == (0, 0)


def test_no_thread_is_left_of_it() -> None:
    crash_check(to_file, lines)  # threads that serve many runs are there now
    before = set(threading.enumerate())
    crash_check(to_file, lines, kinds=("hang",))
    assert not set(threading.enumerate()) - before


def test_hangs_alone_refute_a_claim_that_is_too_strong() -> None:
    with pytest.raises(AssertionError, match=r"hang operation \d+ \(.*too much"):
        crash_check(lambda place: Stream.read([1, 3, 2]).write(Appended(place / "out.jsonl")), lines, kinds=("hang",))


class Counted(Sink[int]):
    """Keeps what is written, and whether it was closed."""

    def __init__(self) -> None:
        self.items, self.closed = list[int](), 0

    def write(self, batch: Sequence[int]) -> None:
        self.items += batch

    def close(self) -> None:
        self.closed += 1


def test_a_call_that_hangs_says_so_and_ends_with_the_check() -> None:
    inner, hung = Counted(), threading.Event()
    faults = Faults(at=2, how="hang", hung=hung.set)
    sink: Any = broken_sink(inner, faults)
    raised = list[Crash]()

    def write() -> None:
        try:
            sink.write([1])
        except Crash as error:
            raised.append(error)

    sink.open()
    thread = threading.Thread(target=write)
    thread.start()
    assert hung.wait(60)
    assert thread.is_alive()
    assert (faults.crashed, faults.done) == (True, ["open the sink", "write"])
    faults.end()
    thread.join(60)
    assert not thread.is_alive()
    assert len(raised) == 1
    assert (inner.items, inner.closed) == ([], 1)  # nothing was written; what it held open is closed


def test_one_in_the_event_loop_can_be_cancelled() -> None:
    faults = Faults(at=1, how="hang")
    reached = list[str]()

    async def main() -> None:
        with anyio.CancelScope() as scope:
            faults.hung = scope.cancel
            async with faults.async_operation("read"):
                reached.append("it was done")
        assert scope.cancelled_caught

    anyio.run(main)
    assert faults.crashed
    assert not reached
