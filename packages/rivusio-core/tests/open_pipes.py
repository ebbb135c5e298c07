"""Pipes of all kinds that count what they have open, and what each line of them gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

from anyio.lowlevel import checkpoint

from rivusio_core import (
    AsyncBasePipe,
    Bulkhead,
    CircuitBreaker,
    Parallel,
    RateLimit,
    Retry,
    Transient,
    Use,
    batch,
    branch,
    flat_pipe,
    pipe,
    resource,
    route,
    state,
)

COUNT = 6


class Open(Counter[str]):
    """What is open now; nothing is closed twice."""

    def open(self, name: str) -> None:
        self[name] += 1

    def close(self, name: str) -> None:
        assert self[name] > 0, f"{name} is closed twice"
        self[name] -= 1


OPEN, FAILED = Open(), set[int]()


def opens(name: str) -> Callable[[], AsyncIterator[str]]:
    async def make() -> AsyncIterator[str]:
        await checkpoint()
        OPEN.open(name)
        yield name
        OPEN.close(name)
        await checkpoint()

    return make


shared, pooled = resource(opens("shared")), resource(pool=2)(opens("pooled"))


class Adds(AsyncBasePipe[int, int]):
    link: Annotated[str, Use(shared)] = state()
    lent: Annotated[str, Use(pooled)] = state()

    async def setup(self) -> None:
        OPEN.open("pipe")
        await checkpoint()

    async def teardown(self) -> None:
        OPEN.close("pipe")
        OPEN.open("teardown")
        await checkpoint()
        OPEN.close("teardown")

    async def process(self, item: int) -> int:
        assert OPEN["pipe"] and OPEN["shared"] and OPEN["pooled"], "it is called while all it needs is open"
        await checkpoint()
        return item + 1


@flat_pipe
async def twice(number: int) -> AsyncIterator[int]:
    OPEN.open("result")
    try:
        yield number
        await checkpoint()
        yield number
    finally:
        OPEN.close("result")


@pipe
async def waits(number: int) -> int:
    await checkpoint()
    await checkpoint()
    return number


@pipe
async def moody(number: int) -> int:
    """Fails at the first call with each number."""
    await checkpoint()
    if number in FAILED:
        return number
    FAILED.add(number)
    raise Transient


@pipe
def total(numbers: list[int]) -> int:
    return sum(numbers)


@pipe(thread=True, concurrency=2)
def in_thread(number: int) -> int:
    return number


def is_odd(number: int) -> bool:
    return number % 2 == 1


retry: Any = {"retry": Retry(attempts=3, backoff=0)}
# A call that keeps its place in the bulkhead is seen: the runs after it get none.
policies: Any = {
    **retry,
    "timeout": "1m",
    "bulkhead": Bulkhead(2, wait="5s"),
    "circuit": CircuitBreaker(failures=1_000),
    "rate_limit": RateLimit(100_000, burst=100),
}
NUMBERS: list[Any] = list(range(1, COUNT + 1))
PIPES: dict[str, tuple[Any, list[Any], Parallel | None]] = {
    "line": (Adds() >> twice >> waits >> Adds(), [n + 1 for n in NUMBERS for _ in "ab"], None),
    "concurrent": (Adds().with_options(concurrency=3) >> waits.with_options(concurrency=2), NUMBERS, None),
    "policies": (Adds() >> moody.with_options(concurrency=3, **policies), NUMBERS, None),
    "branches": (Adds() >> branch(waits, moody.with_options(**retry)), [(n, n) for n in NUMBERS], None),
    "routes": (Adds() >> route((is_odd, waits), otherwise=moody.with_options(**policies)), NUMBERS, None),
    "batches": (Adds() >> batch(5, within="1m") >> total >> waits, [15, 6], None),
    "threads": (Adds() >> in_thread, NUMBERS, None),
    "parallel": (Adds() >> waits, NUMBERS, Parallel(kind="async", workers=3)),
}
