"""Pipes that the tests share; at module level, so that worker processes can import them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import anyio.lowlevel

from rivusio_core import AsyncBasePipe, SyncBasePipe, flat_pipe, pipe, state


@pipe
def parse(line: str) -> int:
    return int(line)


@pipe
def add(number: int, *, amount: int = 1) -> int:
    return number + amount


@pipe
async def aadd(number: int, *, amount: int = 1) -> int:
    await anyio.lowlevel.checkpoint()
    return number + amount


@flat_pipe
def twice(number: int) -> Iterator[int]:
    yield number
    yield number


@flat_pipe
async def atwice(number: int) -> AsyncIterator[int]:
    yield number
    await anyio.lowlevel.checkpoint()
    yield number


@pipe
def fail_at_17(number: int) -> int:
    if number == 17:
        raise ValueError(f"the secret is {number}")
    return number


@pipe
async def afail_at_17(number: int) -> int:
    if number == 17:
        raise ValueError(f"the secret is {number}")
    return number


LIFE: list[str] = []


class Recorded(SyncBasePipe[int, int]):
    """Notes its set-up and tear-down in LIFE."""

    label: str
    broken: str = ""
    ready: bool = state()

    def setup(self) -> None:
        LIFE.append(f"setup {self.label}")
        if self.broken == "setup":
            raise OSError("no setup")
        self.ready = True

    def process(self, item: int) -> int:
        assert self.ready
        return item

    def teardown(self) -> None:
        LIFE.append(f"teardown {self.label}")
        if self.broken == "teardown":
            raise OSError("no teardown")


class ARecorded(AsyncBasePipe[int, int]):
    """The same, async."""

    label: str

    async def setup(self) -> None:
        await anyio.lowlevel.checkpoint()
        LIFE.append(f"setup {self.label}")

    async def process(self, item: int) -> int:
        await anyio.lowlevel.checkpoint()
        return item

    async def teardown(self) -> None:
        await anyio.lowlevel.checkpoint()
        LIFE.append(f"teardown {self.label}")


@pipe
def process_id(number: int) -> int:
    return os.getpid()


@pipe
def die_at_17(number: int) -> int:
    if number == 17:
        os._exit(3)
    return number


@pipe
def print_and_add(number: int) -> int:
    print("a stray print")
    return number + 1


class Counting(SyncBasePipe[int, int]):
    """Counts in the process where it was set up; notes its life in a file."""

    log: Path
    count: int = state()

    def setup(self) -> None:
        self.count = 0
        self._note("setup")

    def process(self, item: int) -> int:
        self.count += 1
        return self.count

    def teardown(self) -> None:
        self._note("teardown")

    def _note(self, what: str) -> None:
        with self.log.open("a") as log:
            log.write(f"{what} {os.getpid()}\n")


def odd(number: int) -> bool:
    return number % 2 == 1


@pipe(process=True, timeout="200ms", on_error="skip")
def hang_at_3(number: int) -> int:
    while number == 3:
        pass
    return number


@pipe
def troublesome(number: int) -> object:
    """Fails in the way that the last digit says."""
    match number % 10:
        case 3:
            raise ValueError(f"the secret is {number}")
        case 5:
            os._exit(3)
        case 7:
            return lambda: number  # nothing that could be sent
        case _:
            return number


class SecondTry(SyncBasePipe[int, int]):
    """Fails for every odd number once."""

    seen: set[int] = state()

    def setup(self) -> None:
        self.seen = set()

    def process(self, item: int) -> int:
        if item % 2 and item not in self.seen:
            self.seen.add(item)
            raise OSError
        return item
