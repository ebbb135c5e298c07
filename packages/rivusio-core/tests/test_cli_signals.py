"""Signals: the first stops cleanly, the second breaks off, and either way everything is closed."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import threading
from pathlib import Path

import anyio
import pytest
from rivusio_command import Command

from rivusio_core.cli.signals import Signals

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are sent the POSIX way")

SIGNALS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])

JOBS = """
import sys
import time
from pathlib import Path
import anyio
from rivusio_core import AsyncBasePipe, SyncBasePipe

class Closing:
    def teardown(self): Path("closed").touch()

class Echo(Closing, SyncBasePipe[str, str]):
    def process(self, item: str) -> str:
        return item

class Slow(AsyncBasePipe[str, str]):
    async def process(self, item: str) -> str:
        print("working", flush=True)
        await anyio.sleep(3600)
        return item
    async def teardown(self):
        await anyio.sleep(0)
        Path("closed").touch()

class Blocking(Closing, SyncBasePipe[str, str]):
    def process(self, item: str) -> str:
        print("working", flush=True)
        time.sleep(3600)
        return item

echo, slow, blocking = Echo(), Slow(), Blocking()
"""


@pytest.fixture
def rivusio(tmp_path: Path) -> Command:
    command = Command(tmp_path)
    command.write("jobs.py", JOBS)
    return command


def started(rivusio: Command, target: str, expected: bytes) -> subprocess.Popen[bytes]:
    """A run that has dealt with, or is dealing with, its first item."""
    process = rivusio.start("run", target)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"first\nsecond")
    process.stdin.flush()
    assert process.stdout.readline() == expected, process.communicate()
    return process


def first_signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send it and wait until it was understood."""
    assert process.stderr is not None
    process.send_signal(number)
    assert process.stderr.readline() == f"{number.name}: stopping cleanly; the next signal breaks off\n".encode()


@SIGNALS
def test_the_first_signal_stops_cleanly(rivusio: Command, number: signal.Signals) -> None:
    process = started(rivusio, "jobs:echo", b"first\n")
    first_signal(process, number)
    out, err = process.communicate(timeout=50)  # standard input is still open until here
    assert (process.returncode, out) == (0, b""), err
    assert b"Echo: 1 in, 1 out" in err
    assert (rivusio.folder / "closed").exists()


@SIGNALS
@pytest.mark.parametrize("target", ["jobs:slow", "jobs:blocking"])
def test_the_second_signal_breaks_off(rivusio: Command, number: signal.Signals, target: str) -> None:
    process = started(rivusio, target, b"working\n")
    first_signal(process, number)
    process.send_signal(number)
    _, err = process.communicate(timeout=50)
    assert process.returncode == 75, err
    assert b"broken off; everything is closed, nothing more was acknowledged; what was left: items in flight" in err
    assert b"Traceback" not in err
    assert (rivusio.folder / "closed").exists()


def test_a_run_in_a_thread_leaves_signals_alone() -> None:
    found = list[object]()

    async def main() -> None:
        with Signals():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=anyio.run, args=[main])
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGINT)]


@pytest.mark.parametrize(
    ("error", "complains"),
    [
        (KeyboardInterrupt(), False),
        (BaseExceptionGroup("x", [KeyboardInterrupt(), BaseExceptionGroup("y", [KeyboardInterrupt()])]), False),
        (BaseExceptionGroup("x", [KeyboardInterrupt(), LookupError("4711")]), True),
        (LookupError("4711"), True),
    ],
    ids=repr,
)
def test_breaking_off_is_no_reason_to_complain_of_tasks_and_anything_else_is(
    error: BaseException, complains: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        with Signals():
            asyncio.get_running_loop().call_exception_handler({"message": "a task failed", "exception": error})

    with caplog.at_level(logging.ERROR, logger="asyncio"):
        anyio.run(main)
    assert bool(caplog.records) is complains
