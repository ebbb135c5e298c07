"""Pipes that crash, hang and leak; at module level, so that worker processes can import them."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from pickle import PickleBuffer

from rivusio_core import SyncBasePipe, flat_pipe, pipe, state

MIB = 1 << 20
kept: list[bytearray] = []


def burn() -> None:
    """Use processor time until somebody ends it."""
    while True:
        pass


def do(what: str) -> str:
    """Do what is asked; give it back when that was harmless."""
    match what.split():
        case ["segfault"]:
            ctypes.string_at(0)
        case ["abort"]:
            os.abort()
        case ["_exit", code]:
            os._exit(int(code))
        case ["exit", code]:
            sys.exit(int(code))
        case ["kill"]:
            os.kill(os.getpid(), signal.SIGKILL)
        case ["interrupt"]:
            raise KeyboardInterrupt
        case ["raise"]:
            raise ValueError("bad")
        case ["hang"]:
            while True:
                time.sleep(10)
        case ["burn"]:
            burn()
        case ["burn", "beside"]:
            threading.Thread(target=burn, daemon=True).start()
            while True:
                time.sleep(10)
        case ["burn", seconds]:
            end = time.process_time() + float(seconds)
            while time.process_time() < end:
                pass
        case ["take", mib]:
            bytearray(int(mib) * MIB)
        case ["give", mib]:
            return "x" * (int(mib) * MIB)
        case ["leak", mib]:
            kept.append(bytearray(int(mib) * MIB))
        case ["lean", mib]:
            try:
                bytearray(int(mib) * MIB)
            except MemoryError:
                return "went without"
        case ["core"]:
            import resource

            return str(resource.getrlimit(resource.RLIMIT_CORE)[0])
        case ["process"]:
            return str(os.getpid())
        case _:
            pass
    return what


@pipe
def wild(what: str) -> str:
    return do(what)


@flat_pipe
def wild_flat(what: str) -> Iterator[str]:
    yield do(what)
    yield "and more"


@pipe
def sizes(buffers: list[PickleBuffer]) -> int:
    return sum(len(memoryview(each)) for each in buffers)


class Patient(SyncBasePipe[str, str]):
    """Its setup uses more than its calls may."""

    held: bytearray = state()

    def setup(self) -> None:
        self.held = bytearray(96 * MIB)
        do("burn 0.2")

    def process(self, item: str) -> str:
        return do(item)


class Parent(SyncBasePipe[str, str]):
    """Starts a process of its own, notes it, and hangs."""

    note: Path

    def process(self, item: str) -> str:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
        self.note.write_text(str(child.pid))
        return do(item)
