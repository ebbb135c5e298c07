"""Jobs for worker processes; at module level, so that they can be imported there."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import sniffio


class Unreadable(Exception):
    """Pickles, and cannot be read again: its `__init__` wants more than its `args`."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(first)


def sent_by_name(name: str) -> str:
    """What `ByName` is rebuilt with."""
    if "<locals>" in name:
        raise AttributeError(name)
    return name


@dataclass
class ByName:
    """Is sent as a name, as function pipes are."""

    name: str

    def __reduce__(self) -> tuple[object, ...]:
        return (sent_by_name, (self.name,))


@dataclass
class Worker:
    """Keeps a count and a log; does what the message says."""

    log: Path | None = None
    broken: str = ""
    count: int = field(default=0, init=False)

    def note(self, line: str) -> None:
        if self.log is not None:
            with self.log.open("a") as file:
                file.write(f"{line} {os.getpid()}\n")

    async def open(self) -> None:
        self.note("open")
        if self.broken == "open":
            raise OSError("no setup")

    async def close(self) -> None:
        self.note("close")
        if self.broken == "close":
            raise OSError("no teardown")

    async def run(self, message: object) -> object:
        match message:
            case "count":
                self.count += 1
                return self.count
            case "process":
                return os.getpid()
            case "loop":
                return sniffio.current_async_library()
            case "raise":
                raise ValueError("bad 4711")
            case "unreadable":
                raise Unreadable("a", "b")
            case "unsendable":
                return lambda: None
            case "exit":
                os._exit(7)
            case "leave":
                sys.exit(8)
            case "hang":
                self.note("hang")
                while True:
                    time.sleep(10)
            case "print":
                print("stray", flush=True)
                os.write(1, b"straight\n")
                return sys.stdin.read()
            case "interrupt":
                os.kill(os.getpid(), signal.SIGINT)
                return "still here"
            case "buffers":
                return [pickle.PickleBuffer(bytearray(b"ab")), pickle.PickleBuffer(bytearray())]
            case "background":
                done = threading.Event()
                asyncio.get_running_loop().call_later(0.01, done.set)
                self.done = done
                return None
            case "thread":
                threading.Thread(target=threading.Event().wait).start()
                return os.getpid()
            case "background done":
                return self.done.is_set()
            case _:
                return message
