"""Rate limits: never faster, never slower than need be, first come first served, and nothing is lost."""

from __future__ import annotations

import pickle
import threading

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rivusio_core import ConfigError, RateLimit
from rivusio_core.clock import BlockingClock
from rivusio_core.duration import microseconds
from rivusio_core.testing import VirtualClock


class Log:
    """A call that notes when it began."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.begun: list[tuple[float, object]] = []

    async def __call__(self, item: object) -> object:
        self.begun.append((self.clock.monotonic(), item))
        return item

    @property
    def times(self) -> list[float]:
        return [time for time, _ in self.begun]


@pytest.mark.anyio
async def test_calls_are_evenly_spaced() -> None:
    clock = VirtualClock()
    log = Log(clock)
    call = RateLimit(4).layer(log, clock)
    assert [await call(item) for item in range(6)] == list(range(6))
    assert log.times == [0, 0.25, 0.5, 0.75, 1, 1.25]


@pytest.mark.anyio
async def test_a_burst_is_saved_up_and_no_more() -> None:
    clock = VirtualClock()
    log = Log(clock)
    call = RateLimit(1, burst=3).layer(log, clock)
    for item in range(5):
        await call(item)
    assert log.times == [0, 0, 0, 1, 2]
    await clock.sleep(100)
    log.begun.clear()
    for item in range(5):
        await call(item)
    assert log.times == [102, 102, 102, 103, 104]


@pytest.mark.anyio
async def test_the_limit_holds_over_all_workers_and_in_the_order_they_came() -> None:
    clock = VirtualClock()
    log = Log(clock)
    call = RateLimit(10, burst=2).layer(log, clock)
    async with anyio.create_task_group() as group:
        for item in range(20):
            group.start_soon(_one_by_one, clock, call, item)
    assert [item for _, item in log.begun] == list(range(20))
    assert log.times == pytest.approx([0, *(number / 10 for number in range(19))], abs=1e-5)


async def _one_by_one(clock: VirtualClock, call: object, item: int) -> None:
    await clock.sleep(item / 1_000_000)  # so that there is an order in which they come
    assert callable(call)
    await call(item)


def test_never_more_than_promised_and_never_idle(anyio_backend: tuple[str, dict[str, object]]) -> None:
    @given(
        st.lists(st.integers(0, 3_000), min_size=1, max_size=25),
        st.integers(1, 20),
        st.integers(1, 5),
        st.sets(st.integers(0, 24)),
    )
    def check(arrivals: list[int], rate: int, burst: int, cancelled: set[int]) -> None:
        """Arrivals in milliseconds; the cancelled ones give up after 100 ms."""
        clock = VirtualClock()
        log = Log(clock)
        call = RateLimit(rate, burst=burst).layer(log, clock)

        async def worker(number: int, arrival: int) -> None:
            await clock.sleep(arrival / 1_000)
            with clock.deadline(0.1 if number in cancelled else 1_000):
                await call(arrival)

        async def main() -> None:
            async with anyio.create_task_group() as group:
                for number, arrival in enumerate(arrivals):
                    group.start_soon(worker, number, arrival)

        anyio.run(main, backend=anyio_backend[0])
        assert len(log.begun) >= len(arrivals) - len(cancelled)
        # Not more: in any stretch of time that begins with a call.
        for first, start in enumerate(log.times):
            for last, end in enumerate(log.times[first:], start=1):
                assert last <= burst + (end - start) * rate + 1e-3
        # In order of arrival.
        assert [item for _, item in log.begun] == sorted(item for _, item in log.begun)
        # Not slower: each began at its arrival, or as soon as the tokens of the calls before allowed it.
        tokens_back = [float("-inf")] * burst
        for time, item in log.begun:
            assert isinstance(item, int)
            earliest = max(item / 1_000, tokens_back[0])
            assert time == pytest.approx(earliest, abs=1e-4)
            tokens_back = [*tokens_back[1:], max(time, tokens_back[-1]) + 1 / rate]

    check()


@pytest.mark.anyio
async def test_a_cancelled_wait_takes_no_token() -> None:
    clock = VirtualClock()
    log = Log(clock)
    call = RateLimit(1).layer(log, clock)
    await call("first")

    async def give_up() -> None:
        with clock.deadline(0.5):
            await call("given up")

    async with anyio.create_task_group() as group:
        group.start_soon(give_up)
        group.start_soon(give_up)
        await clock.sleep(0.1)
        await call("second")
    assert log.begun == [(0, "first"), (1, "second")]


@pytest.mark.anyio
async def test_a_sleep_that_took_too_long_costs_nothing() -> None:
    class Late(VirtualClock):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds + 0.03)

    clock = Late()
    log = Log(clock)
    call = RateLimit(10).layer(log, clock)
    async with anyio.create_task_group() as group:
        for item in range(101):
            group.start_soon(call, item)
    assert log.times[-1] == pytest.approx(10.03)


@pytest.mark.anyio
async def test_each_run_has_tokens_of_its_own() -> None:
    clock = VirtualClock()
    log = Log(clock)
    limit = RateLimit(1)
    for item in range(3):
        await limit.layer(log, clock)(item)
    assert log.times == [0, 0, 0]


def test_threads_share_the_tokens() -> None:
    class Unslept(BlockingClock):
        """Notes how long it was to sleep, and does not."""

        def __init__(self) -> None:
            self.slept: list[float] = []

        def monotonic(self) -> float:
            return 100.0

        async def sleep(self, seconds: float) -> None:
            self.slept.append(seconds)

    clock = Unslept()

    async def call(item: object) -> object:
        return item

    limited = RateLimit(4).layer(call, clock)

    def work() -> None:
        for _ in range(5):
            with pytest.raises(StopIteration):
                limited(1).__await__().send(None)  # type: ignore[attr-defined]  # where no event loop runs

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(clock.slept) == [number / 4 for number in range(1, 20)]


# ------------------------------------------------------------------------------------------------------ as a value


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("100/s", RateLimit(100)),
        ("10/m", RateLimit(10, "1m")),
        ("5/h", RateLimit(5, per="1h")),
        ("100/250ms", RateLimit(100, "250ms")),
        (" 0.5 / s ", RateLimit(0.5)),
        ("3/1m30s", RateLimit(3, "1m30s")),
    ],
)
def test_it_is_written_as_people_write_it(text: str, limit: RateLimit) -> None:
    parsed = RateLimit.parse(text)
    assert (parsed.rate, parsed.burst) == (limit.rate, None)
    assert microseconds(parsed.per) == microseconds(limit.per)


@pytest.mark.parametrize(
    "text", ["", "100", "/s", "100/", "0/s", "-1/s", "100/fortnight", "100/-1s", "1e3/s", "9" * 400 + "/s"]
)
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"rate_limit: .* is no rate; write it like '100/s'"):
        RateLimit.parse(text)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"rate": 0}, "rate: must be more than 0, not 0"),
        ({"rate": float("inf")}, "rate: must be more than 0"),
        ({"rate": float("nan")}, "rate: must be more than 0"),
        ({"rate": 1, "per": 0}, "per: must be longer than 0"),
        ({"rate": 1, "per": "soon"}, "per: 'soon' is no duration"),
        ({"rate": 1, "burst": 0}, "burst: must be 1 or more, not 0"),
    ],
)
def test_wrong_arguments_are_named(settings: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        RateLimit(**settings)  # type: ignore[arg-type]


@pytest.mark.anyio
@pytest.mark.parametrize(("rate", "burst"), [(1, 1), (100, 1), (250, 2), (10_000, 100)])
async def test_a_fast_limit_lets_some_begin_together(rate: int, burst: int) -> None:
    clock = VirtualClock()
    log = Log(clock)
    call = RateLimit(rate).layer(log, clock)
    for item in range(burst + 1):
        await call(item)
    assert log.times == [0] * burst + [pytest.approx(1 / rate, abs=1e-6)]


def test_it_is_a_value() -> None:
    assert pickle.loads(pickle.dumps(RateLimit(5))) == RateLimit(5) != RateLimit(6)
    assert hash(RateLimit(5)) == hash(RateLimit(5))
