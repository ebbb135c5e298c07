"""Lookup joins: what comes out, what is asked, what is kept, and who sees what fail."""

from __future__ import annotations

import functools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal

import anyio
import pytest
from doubles import Log
from hypothesis import given, settings
from hypothesis import strategies as st

from rivusio_core import BadRecord, ConfigError, DefinitionError, Fatal, PipeError, Retry, pipe
from rivusio_core.errors import CompositionError
from rivusio_core.listener import Listener, RunInfo, Treatment
from rivusio_core.testing import VirtualClock
from rivusio_streams import Batched, Envelope, Joined, RunConfig, Stream
from rivusio_streams.lookups.cache import Cache
from rivusio_streams.lookups.counts import LookupCounts
from rivusio_streams.lookups.flights import Flights

pytestmark = pytest.mark.anyio

NAMES = {1: "one", 2: "two", 3: "three", 5: "five"}


def itself(number: int) -> int:
    return number


def right(joined: Joined[Any, Any, Any]) -> Any:
    return joined.right


class Service:
    """Knows NAMES; answers after a while, and notes what it was asked and when.

    Args:
        clock: of the run.
        takes: seconds that an answer takes.
        fails: this many requests fail at first.
    """

    def __init__(self, clock: VirtualClock, takes: float = 1.0, *, fails: int = 0) -> None:
        self.clock, self.takes, self.fails = clock, takes, fails
        self.asked: Log[Any] = Log()
        self.times: list[float] = []
        self.cancelled = 0

    async def _answer(self, question: Any) -> None:
        self.asked.append(question)
        self.times.append(self.clock.monotonic())
        try:
            await self.clock.sleep(self.takes)
        except BaseException:
            self.cancelled += 1
            raise
        if self.fails:
            self.fails -= 1
            raise ConnectionError("down")

    async def name(self, number: int) -> str | None:
        await self._answer(number)
        return NAMES.get(number)

    async def names(self, numbers: Sequence[int]) -> dict[int, str]:
        await self._answer(list(numbers))
        return {number: NAMES[number] for number in numbers if number in NAMES}


async def at_times(clock: VirtualClock, *items: tuple[float, int]) -> AsyncIterator[int]:
    """Items that come at their seconds."""
    for time, item in items:
        if time > clock.monotonic():
            await clock.sleep(time - clock.monotonic())
        yield item


# ------------------------------------------------------------------------------------------------- what comes out


async def name_of(number: int) -> str | None:
    return NAMES.get(number)


async def names_of(numbers: Sequence[int]) -> Mapping[int, str]:
    return {number: NAMES[number] for number in numbers if number in NAMES}


@pytest.mark.parametrize("fetch", [name_of, NAMES.get, Batched(names_of, size=2)], ids=["async", "plain", "batched"])
async def test_left_gives_none_where_nothing_is_known_and_inner_filters(fetch: Any) -> None:
    inner: list[Joined[int, int, str]] = []
    left: list[Joined[int, int, str | None]] = []
    numbers = Stream.read([10, 21, 40, 22])
    report = await numbers.lookup(fetch, key=lambda n: n // 10, name="names").write(inner).arun()
    assert inner == [Joined(1, 10, "one"), Joined(2, 21, "two"), Joined(2, 22, "two")]
    assert report.steps["names"].given == 4
    assert report.steps["names.inner"].filtered == 1
    await numbers.lookup(fetch, key=lambda n: n // 10, how="left").write(left).arun()
    assert left == [Joined(1, 10, "one"), Joined(2, 21, "two"), Joined(4, 40, None), Joined(2, 22, "two")]


async def test_results_are_in_the_order_of_the_items_however_long_answers_take() -> None:
    clock, out = VirtualClock(), list[Joined[int, int, int]]()

    async def slow(number: int) -> int:
        await clock.sleep(10 - number)
        return number

    await Stream.read(range(10)).lookup(slow, key=itself, concurrency=4).write(out).arun(RunConfig(clock=clock))
    assert [each.right for each in out] == list(range(10))


async def test_no_more_items_are_in_work_than_concurrency_says() -> None:
    clock = VirtualClock()
    service = Service(clock)
    await Stream.read(range(9)).lookup(service.name, key=itself, concurrency=3).write([]).arun(RunConfig(clock=clock))
    assert service.times == [0, 0, 0, 1, 1, 1, 2, 2, 2]


# ----------------------------------------------------------------------------------------------------- what is asked


@pytest.mark.parametrize("batched", [False, True])
async def test_items_with_the_same_key_wait_for_one_request(batched: bool) -> None:
    clock, out = VirtualClock(), list[Any]()
    service = Service(clock)
    fetch: Any = Batched(service.names, size=2) if batched else service.name
    await Stream.read([1, 2, 1, 1, 2]).lookup(fetch, key=itself).map(right).write(out).arun(RunConfig(clock=clock))
    assert out == ["one", "two", "one", "one", "two"]
    assert service.asked == ([[1, 2]] if batched else [1, 2])


async def test_answers_are_kept_for_their_time_by_the_clock_of_the_run() -> None:
    clock = VirtualClock()
    service = Service(clock, takes=1)
    # The answers come at 1 s: that there is a 1 is known until 11 s, that there is no 4 until 4 s.
    items = at_times(clock, (0, 1), (0, 4), (3.9, 4), (4.0, 4), (10.9, 1), (11.0, 1))
    stream = Stream.read(items).lookup(service.name, key=itself, ttl="10s", negative_ttl="3s")
    await stream.write([]).arun(RunConfig(clock=clock))
    assert list(zip(service.asked, service.times, strict=True)) == [(1, 0), (4, 0), (4, 4), (1, 11)]


@pytest.mark.parametrize(("ttl", "asked"), [(None, [1, 4]), (0, [1, 4, 1, 4])])
async def test_answers_can_be_kept_for_the_whole_run_or_not_at_all(ttl: int | None, asked: list[int]) -> None:
    clock = VirtualClock()
    service = Service(clock)
    items = at_times(clock, (0, 1), (0, 4), (0, 1), (1e6, 1), (1e6, 4))
    stream = Stream.read(items).lookup(service.name, key=itself, ttl=ttl, negative_ttl=ttl)
    await stream.write([]).arun(RunConfig(clock=clock))
    assert service.asked == asked


async def test_the_least_recently_used_answer_goes_first() -> None:
    clock = VirtualClock()
    service = Service(clock)
    stream = Stream.read([1, 2, 1, 3, 1, 2]).lookup(service.name, key=itself, size=2, concurrency=1)
    await stream.write([]).arun(RunConfig(clock=clock))
    assert service.asked == [1, 2, 3, 2]


async def test_what_is_not_kept_takes_no_place() -> None:
    clock = VirtualClock()
    service = Service(clock)
    stream = Stream.read([1, 4, 1]).lookup(service.name, key=itself, negative_ttl=0, size=1, concurrency=1)
    await stream.write([]).arun(RunConfig(clock=clock))
    assert service.asked == [1, 4]


async def test_the_answers_belong_to_one_run() -> None:
    clock = VirtualClock()
    service = Service(clock)
    flow = Stream.read([1, 1]).lookup(service.name, key=itself, ttl=None).write([])
    await flow.arun(RunConfig(clock=clock))
    await flow.arun(RunConfig(clock=clock))
    assert service.asked == [1, 1]


async def test_the_end_of_a_run_logs_the_counts(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "rivusio"):
        await Stream.read([1, 4, 1, 4, 1]).lookup(NAMES.get, key=itself, concurrency=1, name="n").write([]).arun()
    [record] = [each for each in caplog.records if hasattr(each, "lookup_counts")]
    assert vars(record)["lookup_counts"] == LookupCounts(hits=2, negative_hits=1, misses=2, flights=2)
    assert record.getMessage() == "lookup 'n': 2 hits, 1 negative hits, 2 misses, 2 requests made"


# ---------------------------------------------------------------------------------------------------------- failures


async def test_a_failed_request_fails_for_all_who_wait_and_is_not_kept() -> None:
    clock, out = VirtualClock(), list[Any]()
    service = Service(clock, fails=1)
    items = at_times(clock, (0, 1), (0.5, 1), (0.9, 1), (2, 1))
    stream = Stream.read(items).lookup(service.name, key=itself, on_error="skip", name="names")
    report = await stream.map(right).write(out).arun(RunConfig(clock=clock))
    assert (out, service.times) == (["one"], [0, 2])
    assert report.steps["names"].skipped == 3


async def test_each_item_of_a_failed_request_is_blamed_with_its_own_position() -> None:
    clock, letters, noted = VirtualClock(), list[Envelope](), list[PipeError]()

    class Notes(Listener):
        def item_failed(self, run: RunInfo, error: PipeError, treatment: Treatment) -> None:
            noted.append(error)

    async def refuse(numbers: Sequence[int]) -> Mapping[int, str]:
        await clock.sleep(1)
        raise BadRecord(f"no service for {numbers}")

    stream = Stream.read([7, 8, 7]).lookup(Batched(refuse), key=itself)
    await stream.write([]).arun(RunConfig(clock=clock, dead_letters=letters, listeners=[Notes()]))
    assert sorted(each.position for each in noted if each.position is not None) == [0, 1, 2]
    assert sorted((each.position, each.value) for each in letters) == [(0, 7), (1, 8), (2, 7)]
    assert {each.reason for each in letters} == {"no service for [7, 8]"}


async def test_who_asks_again_after_a_failure_does_not_see_the_same_failure() -> None:
    clock = VirtualClock()
    service = Service(clock, fails=1)
    made = flights(clock, service.name)

    async def until_answered() -> str | None:
        try:
            return await made.get(1)
        except ConnectionError:
            return await made.get(1)  # before anybody else who waited was woken

    out = list[Any]()
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(within, clock, 99, until_answered, out)
    assert (out, service.times) == (["one"] * 3, [0, 1])


async def test_retries_share_the_request_again() -> None:
    clock, out = VirtualClock(), list[Any]()
    service = Service(clock, fails=2)
    stream = Stream.read([1, 1, 2]).lookup(service.name, key=itself, retry=Retry(attempts=3, backoff="5s"))
    await stream.map(right).write(out).arun(RunConfig(clock=clock))
    assert out == ["one", "one", "two"]
    assert sorted(zip(service.asked, service.times, strict=True)) == [(1, 0), (1, 6), (2, 0), (2, 6)]


async def test_a_key_that_is_not_hashable_fails_its_item() -> None:
    with pytest.raises(PipeError, match=r"'lookup' failed on item 0: the key .* must be hashable, and list is not"):
        await Stream.read([[1]]).lookup(lambda key: len(key), key=lambda item: item).write([]).arun()


async def test_an_answer_that_is_no_mapping_ends_the_run() -> None:
    async def wrong(numbers: Sequence[int]) -> Any:
        return [NAMES[number] for number in numbers]

    with pytest.raises(Fatal, match="must give a mapping of keys to values, not list"):
        await Stream.read([1]).lookup(Batched(wrong), key=itself, on_error="skip").write([]).arun()


# -------------------------------------------------------------------------------------------------------- cancelling


def flights(clock: VirtualClock, ask: Callable[[int], Awaitable[str | None]]) -> Flights[int, str]:
    async def request(keys: Sequence[int]) -> Mapping[int, str | None]:
        return {key: await ask(key) for key in keys}

    return Flights(request, Cache(10, 60, 60, clock), clock)


async def within(clock: VirtualClock, seconds: float, ask: Callable[[], Awaitable[Any]], out: list[Any]) -> None:
    with clock.deadline(seconds) as scope:
        out.append(await ask())
    if scope.cancelled_caught:
        out.append(f"cancelled at {clock.monotonic():.0f}")


async def test_who_waits_and_is_cancelled_does_not_cancel_the_request_of_the_others() -> None:
    clock, out = VirtualClock(), list[Any]()
    service = Service(clock, takes=10)
    ask = functools.partial(flights(clock, service.name).get, 1)
    async with anyio.create_task_group() as group:
        group.start_soon(within, clock, 99, ask, out)
        await service.asked.until(1)
        group.start_soon(within, clock, 5, ask, out)
    assert out == ["cancelled at 5", "one"]
    assert (service.times, service.cancelled) == ([0], 0)


async def test_who_makes_the_request_and_is_cancelled_hands_over() -> None:
    clock, out = VirtualClock(), list[Any]()
    service = Service(clock, takes=10)
    made = flights(clock, service.name)
    ask = functools.partial(made.get, 1)
    async with anyio.create_task_group() as group:
        group.start_soon(within, clock, 5, ask, out)
        await service.asked.until(1)
        group.start_soon(within, clock, 99, ask, out)
        group.start_soon(within, clock, 99, ask, out)
    assert out == ["cancelled at 5", "one", "one"]
    assert (service.times, service.cancelled, made.counts.flights) == ([0, 5], 1, 2)


async def test_when_the_last_one_who_waits_is_cancelled_so_is_the_request() -> None:
    clock, out = VirtualClock(), list[Any]()
    service = Service(clock, takes=10)
    ask = functools.partial(flights(clock, service.name).get, 1)
    async with anyio.create_task_group() as group:
        group.start_soon(within, clock, 5, ask, out)
        await service.asked.until(1)
        group.start_soon(within, clock, 5, ask, out)
    # Both leave at the same moment: whichever is told first may have begun the request anew, and is cancelled in it.
    assert out == ["cancelled at 5", "cancelled at 5"]
    assert service.cancelled == len(service.times)
    assert await ask() == "one"  # nothing of it is left
    assert service.times[-1] == 5


async def test_a_key_for_which_nobody_waits_any_more_is_not_asked_about() -> None:
    clock, out = VirtualClock(), list[Any]()
    service = Service(clock, takes=1)
    made = Flights[int, str](service.names, Cache(10, 60, 60, clock), clock, batch=3, within=10, crowd=9)
    async with anyio.create_task_group() as group:
        group.start_soon(within, clock, 99, functools.partial(made.get, 1), out)
        group.start_soon(within, clock, 5, functools.partial(made.get, 2), out)
    assert service.asked == [[1]]
    assert service.times == [10]
    assert out == ["cancelled at 5", "one"]


async def test_who_was_cancelled_leaves_nothing_behind() -> None:
    clock, out = VirtualClock(), list[Any]()
    service = Service(clock, takes=1)
    made = Flights[int, str](service.names, Cache(10, 60, 60, clock), clock, batch=9, within=10, crowd=3)

    async def ask(key: int, seconds: float) -> None:
        await within(clock, seconds, functools.partial(made.get, key), out)

    async with anyio.create_task_group() as group:
        group.start_soon(ask, 1, 5)
        group.start_soon(ask, 2, 5)
        await clock.sleep(6)
        group.start_soon(ask, 2, 99)
        await clock.sleep(1)
        group.start_soon(ask, 3, 99)
    # Nothing left at 15 s, when the first two would have; and no more than two waited at once.
    assert (service.asked, service.times) == ([[2, 3]], [16])
    assert sorted(out) == ["cancelled at 5", "cancelled at 5", "three", "two"]


async def test_an_answer_that_nobody_waited_for_does_not_replace_a_later_one() -> None:
    clock, out = VirtualClock(), list[Any]()
    known = dict[int, str]()

    async def names(numbers: Sequence[int]) -> dict[int, str]:
        answers = {number: known[number] for number in numbers if number in known}
        await clock.sleep(10 if not known else 1)
        return answers

    made = Flights[int, str](names, Cache(10, 60, 60, clock), clock, batch=2, crowd=9, within=1)
    async with anyio.create_task_group() as group:
        group.start_soon(within, clock, 99, functools.partial(made.get, 2), out)
        group.start_soon(within, clock, 5, functools.partial(made.get, 1), out)
        await clock.sleep(6)
        known[1] = "one"
        assert await made.get(1) == "one"
    assert await made.get(1) == "one"
    assert sorted(out, key=str) == [None, "cancelled at 5"]


async def test_a_timeout_is_each_items_own() -> None:
    clock, out = VirtualClock(), list[Any]()
    times = list[float]()

    async def slow_at_first(number: int) -> str:
        times.append(clock.monotonic())
        await clock.sleep(99 if len(times) == 1 else 2)
        return NAMES[number]

    items = at_times(clock, (0, 1), (6, 1))
    stream = Stream.read(items).lookup(slow_at_first, key=itself, timeout="10s", on_error="skip", name="names")
    report = await stream.map(right).write(out).arun(RunConfig(clock=clock))
    assert (out, times) == (["one"], [0, 10])  # the second item goes on with the request, and is done in its time
    assert report.steps["names"].skipped == 1


async def test_cancelling_the_run_cancels_every_request_and_waits_for_them() -> None:
    clock = VirtualClock()
    service = Service(clock, takes=1e9)
    running = 0

    async def hang(number: int) -> str | None:
        nonlocal running
        running += 1
        try:
            return await service.name(number)
        finally:
            running -= 1

    async with anyio.create_task_group() as group:
        flow = Stream.read([1, 2, 3, 1]).lookup(hang, key=itself).write([])
        group.start_soon(flow.arun, RunConfig(clock=clock))
        await service.asked.until(3)
        assert running == 3
        group.cancel_scope.cancel()
    assert running == 0


# ----------------------------------------------------------------------------------------------------------- batches


async def test_a_request_leaves_when_it_is_full_or_after_a_time() -> None:
    clock = VirtualClock()
    service = Service(clock)
    items = at_times(clock, (0, 1), (0, 2), (0, 2), (0, 3), (0.02, 4), (0.03, 5), (0.08, 6))
    stream = Stream.read(items).lookup(Batched(service.names, size=3, within="50ms"), key=itself, concurrency=9)
    await stream.write([]).arun(RunConfig(clock=clock))
    assert list(zip(service.asked, service.times, strict=True)) == [([1, 2, 3], 0), ([4, 5], 0.07), ([6], 0.13)]


async def test_a_request_does_not_wait_for_items_that_cannot_come() -> None:
    clock = VirtualClock()
    service = Service(clock)
    items = at_times(clock, (0, 1), (0, 2), (0.5, 3), (0.5, 3), (0.5, 4))
    batched = Batched(service.names, size=2, within="1h")
    await Stream.read(items).lookup(batched, key=itself, concurrency=4).write([]).arun(RunConfig(clock=clock))
    assert service.asked == [[1, 2], [3], [4]]
    assert service.times == [0, 0.5, 3601]  # the last one is alone: nobody knows that none follows


async def test_batches_are_filled_while_another_is_under_way() -> None:
    clock = VirtualClock()
    service = Service(clock)
    stream = Stream.read(range(8)).lookup(Batched(service.names, size=2), key=itself)
    await stream.write([]).arun(RunConfig(clock=clock))
    assert service.times == [0, 0, 1, 1]


# ------------------------------------------------------------------------------------------- functions that do not wait


def plain_name(number: int) -> str | None:
    return NAMES.get(number)


async def eventually(number: int) -> str | None:
    return NAMES.get(number)


@functools.wraps(eventually)
def wrapped(number: int) -> Any:
    return eventually(number)


class Names(dict[int, str]):
    def later(self, number: int) -> Awaitable[str | None]:
        return eventually(number)


def future_name(number: int) -> Awaitable[str] | None:
    return None


def anything(number: int) -> object:
    return NAMES.get(number)


def described(number: int) -> Literal["one"] | dict[str, int] | None:
    return "one" if number == 1 else None


@pytest.mark.parametrize(
    ("fetch", "settings", "at_once"),
    [
        (NAMES.get, {}, True),
        (NAMES.__getitem__, {}, True),
        (plain_name, {}, True),
        (described, {}, True),
        (NAMES.get, {"concurrency": 1, "timeout": None, "retry": None, "on_error": "skip", "ttl": 0}, True),
        (NAMES.get, {"concurrency": 2}, False),
        (NAMES.get, {"timeout": "1s"}, False),
        (NAMES.get, {"retry": 3}, False),
        (eventually, {}, False),
        (functools.partial(eventually), {}, False),
        (wrapped, {}, False),
        (future_name, {}, False),
        (anything, {}, False),
        (Names().later, {}, False),
        (lambda number: eventually(number), {}, False),
        (Batched(names_of), {}, False),
    ],
)
def test_a_function_that_is_known_to_answer_at_once_is_part_of_the_loop(
    fetch: Any, settings: Any, at_once: bool
) -> None:
    numbers: Any = Stream.read([1]).map(itself)
    loops = numbers.lookup(fetch, key=itself, name="names", **settings).write([]).code()
    joined = ("itself", "names", "names.inner")
    assert [each.steps for each in loops] == ([joined] if at_once else [(name,) for name in joined])


@pytest.mark.parametrize("fetch", [wrapped, Names().later, lambda number: eventually(number)])
async def test_what_a_plain_function_gives_is_awaited(fetch: Any) -> None:
    out = list[Any]()
    await Stream.read([1, 4, 2]).lookup(fetch, key=itself).map(right).write(out).arun()
    assert out == ["one", "two"]


async def test_the_answers_of_a_plain_function_are_kept_by_the_clock_of_the_run() -> None:
    clock, asked = VirtualClock(), list[tuple[int, float]]()

    def name(number: int) -> str | None:
        asked.append((number, clock.monotonic()))
        return NAMES.get(number)

    items = at_times(clock, (0, 1), (0, 4), (2.9, 4), (3.0, 4), (9.9, 1), (10.0, 1))
    stream = Stream.read(items).lookup(name, key=itself, ttl="10s", negative_ttl="3s")
    await stream.write([]).arun(RunConfig(clock=clock))
    assert asked == [(1, 0), (4, 0), (4, 3), (1, 10)]


async def test_a_plain_function_is_asked_anew_about_the_least_recently_used_key() -> None:
    asked = list[int]()

    def name(number: int) -> str | None:
        asked.append(number)
        return NAMES.get(number)

    await Stream.read([1, 2, 1, 3, 1, 2]).lookup(name, key=itself, size=2).write([]).arun()
    assert asked == [1, 2, 3, 2]


async def test_a_plain_function_that_gives_what_has_to_be_awaited_after_all_ends_the_run() -> None:
    class Later:
        def __await__(self) -> Any:
            yield

    table = {1: Later()}
    with pytest.raises(Fatal, match="'get' gave a Later, which has to be awaited; make it a coroutine function"):
        await Stream.read([1]).lookup(table.get, key=itself, on_error="skip").write([]).arun()


async def test_a_key_that_is_not_hashable_fails_its_item_where_the_function_is_plain() -> None:
    def size(key: list[int]) -> int:
        return len(key)

    with pytest.raises(PipeError, match=r"'size' failed on item 0: the key .* must be hashable, and list is not"):
        await Stream.read([[1]]).lookup(size, key=lambda item: item).write([]).arun()


class Counted(logging.Handler):
    """Notes the counts that the ends of runs log."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.counts: list[LookupCounts] = []

    def emit(self, record: logging.LogRecord) -> None:
        if hasattr(record, "lookup_counts"):
            self.counts.append(vars(record)["lookup_counts"])

    def __enter__(self) -> Counted:
        logger = logging.getLogger("rivusio")
        self._before = logger.level
        logger.setLevel(logging.INFO)
        logger.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logger = logging.getLogger("rivusio")
        logger.removeHandler(self)
        logger.setLevel(self._before)


@st.composite
def plain_lookups(draw: st.DrawFn) -> dict[str, Any]:
    ttls, errors = st.sampled_from([None, 0, "1s", "3s"]), st.sampled_from([None, ValueError, BadRecord])
    gaps = st.sampled_from([0.0, 0.0, 0.0, 0.5, 2.0])
    return {
        "items": draw(st.lists(st.tuples(st.integers(0, 6), gaps), max_size=30)),
        "failing": draw(st.dictionaries(st.integers(0, 6), st.lists(errors, max_size=3))),
        "how": draw(st.sampled_from(["inner", "left"])),
        "settings": {
            "ttl": draw(ttls),
            "negative_ttl": draw(ttls),
            "size": draw(st.integers(1, 8)),
            "on_error": draw(st.sampled_from(["fail", "skip", "dead_letter"])),
        },
    }


def observed(backend: str, case: dict[str, Any], *, waits: bool) -> dict[str, Any]:
    """All that shows of a run: results in order, failures, what was asked and when, all counts."""
    clock, out, letters = VirtualClock(), list[Any](), list[Envelope]()
    asked, failing = list[tuple[int, float]](), {key: list(errors) for key, errors in case["failing"].items()}

    def plain(number: int) -> str | None:
        asked.append((number, clock.monotonic()))
        error = failing[number].pop() if failing.get(number) else None
        if error is not None:
            raise error(f"no answer about {number}")
        return NAMES.get(number)

    async def waiting(number: int) -> str | None:
        return plain(number)

    async def source() -> AsyncIterator[tuple[int, int]]:
        for index, (key, gap) in enumerate(case["items"]):
            if gap:
                await clock.sleep(gap)
            yield index, key

    numbers: Any = Stream.read(source())
    stream = numbers.lookup(
        waiting if waits else plain,
        key=lambda item: item[1],
        how=case["how"],
        concurrency=1,
        name="names",
        **case["settings"],
    )
    failure, steps = None, None
    with Counted() as counted:
        try:
            config = RunConfig(clock=clock, dead_letters=letters)
            steps = anyio.run(stream.write(out).arun, config, backend=backend).steps
        except PipeError as error:
            failure = (error.pipe, error.position, str(error))
    left = [(each.position, each.value, each.reason) for each in letters]
    return {"out": out, "letters": left, "failure": failure, "asked": asked, "counts": counted.counts, "steps": steps}


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@given(case=plain_lookups())
@settings(max_examples=150, deadline=None)
def test_a_plain_function_gives_what_a_coroutine_function_gives(backend: str, case: dict[str, Any]) -> None:
    assert observed(backend, case, waits=False) == observed(backend, case, waits=True)


# ---------------------------------------------------------------------------------------------------------- mistakes


def test_everything_that_is_wrong_is_said_at_once() -> None:
    wrong: Any = {"ttl": -1, "negative_ttl": "soon", "size": 0, "concurrency": 0, "tll": 3, "how": "outer"}
    with pytest.raises(ConfigError) as caught:
        Stream.read([1]).lookup(name_of, key=itself, **wrong)
    assert {each.path for each in caught.value.faults} == {*wrong}
    assert "did you mean 'ttl'" in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"fetch_many": 3}, "fetch_many"),
        ({"size": 0}, "size"),
        ({"size": 2.5}, "size"),
        ({"size": True}, "size"),
        ({"within": 0}, "within"),
        ({"within": "soon"}, "within"),
        ({"within": None}, "within"),
    ],
)
def test_batched_refuses(wrong: Any, path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Batched(**{"fetch_many": names_of, **wrong})
    assert [each.path for each in caught.value.faults] == [path]


def test_what_is_no_function_is_refused() -> None:
    numbers: Any = Stream.read([1])
    with pytest.raises(DefinitionError, match="fetch must be a function of a key, or Batched, not dict"):
        numbers.lookup(NAMES, key=itself)
    with pytest.raises(DefinitionError, match="fetch must be a function of a key, or Batched, not a pipe"):
        numbers.lookup(pipe(name_of), key=itself)
    with pytest.raises(DefinitionError, match="key must be a function of an item, not str"):
        numbers.lookup(name_of, key="id")


def test_types_are_checked_where_annotations_say_them() -> None:
    def text(line: str) -> str:
        return line

    numbers: Any = Stream.read([1]).map(itself)
    with pytest.raises(CompositionError, match="gives int but"):
        numbers.lookup(name_of, key=text)
    with pytest.raises(CompositionError, match="gives Joined"):
        numbers.lookup(name_of, key=itself).map(itself)


# ------------------------------------------------------------------------------------------------------------ property


@st.composite
def lookups(draw: st.DrawFn) -> dict[str, Any]:
    ttls = st.sampled_from([None, 0, "1s", "3s"])
    return {
        "keys": draw(st.lists(st.integers(0, 6), max_size=30)),
        "gaps": draw(st.lists(st.sampled_from([0.0, 0.0, 0.5, 2.0]), min_size=30, max_size=30)),
        "takes": draw(st.lists(st.sampled_from([0.0, 0.25, 1.0, 4.0]), min_size=7, max_size=7)),
        "batch": draw(st.sampled_from([0, 0, 1, 2, 5])),
        "how": draw(st.sampled_from(["inner", "left"])),
        "settings": {
            "ttl": draw(ttls),
            "negative_ttl": draw(ttls),
            "size": draw(st.integers(1, 8)),
            "concurrency": draw(st.integers(1, 6)),
        },
    }


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@given(case=lookups())
@settings(max_examples=150, deadline=None)
def test_a_lookup_gives_what_asking_about_each_item_gives(backend: str, case: dict[str, Any]) -> None:
    keys: list[int] = case["keys"]
    how: Literal["inner", "left"] = case["how"]
    clock, out = VirtualClock(), list[Joined[int, tuple[int, int], Any]]()
    asked, under_way = list[Sequence[int]](), set[int]()

    async def names(numbers: Sequence[int]) -> dict[int, str]:
        assert not under_way & set(numbers), "two requests about the same key at once"
        assert len(set(numbers)) == len(numbers) <= max(case["batch"], 1)
        asked.append(numbers)
        under_way.update(numbers)
        await clock.sleep(max(case["takes"][number] for number in numbers))
        under_way.difference_update(numbers)
        return await names_of(numbers)  # type: ignore[return-value]

    async def name(number: int) -> str | None:
        return (await names([number])).get(number)

    async def items() -> AsyncIterator[tuple[int, int]]:
        for index, (key, gap) in enumerate(zip(keys, case["gaps"], strict=False)):
            if gap:
                await clock.sleep(gap)
            yield index, key

    fetch: Any = Batched(names, size=case["batch"], within="300ms") if case["batch"] else name
    stream: Stream[Any] = Stream.read(items()).lookup(fetch, key=lambda item: item[1], how=how, **case["settings"])
    anyio.run(stream.write(out).arun, RunConfig(clock=clock), backend=backend)
    naive = [Joined(key, (index, key), NAMES.get(key)) for index, key in enumerate(keys)]
    assert out == [each for each in naive if how == "left" or each.right is not None]
    settings = case["settings"]
    if settings["ttl"] is None and settings["negative_ttl"] is None and settings["size"] >= len(set(keys)):
        assert sorted(number for numbers in asked for number in numbers) == sorted(set(keys))
        assert len(asked) <= len(set(keys))


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@given(
    askers=st.lists(st.tuples(st.integers(0, 6), st.integers(1, 8), st.integers(1, 5)), max_size=20),
    takes=st.lists(st.sampled_from([0, 1, 3, -2]), min_size=1, max_size=8),
    batch=st.integers(1, 3),
    crowd=st.integers(1, 6),
)
@settings(max_examples=150, deadline=None)
def test_whoever_is_cancelled_the_others_are_answered(
    backend: str, askers: list[tuple[int, int, int]], takes: list[int], batch: int, crowd: int
) -> None:
    """Askers are (comes at, leaves after, key); a request that takes less than nothing fails after that long."""
    clock, requests, running = VirtualClock(), list[Sequence[int]](), 0

    async def request(keys: Sequence[int]) -> dict[int, str]:
        nonlocal running
        time = takes[len(requests) % len(takes)]
        requests.append(keys)
        running += 1
        try:
            await clock.sleep(abs(time))
        finally:
            running -= 1
        if time < 0:
            raise ConnectionError("down")
        return await names_of(keys)  # type: ignore[return-value]

    cache = Cache[int, str](10, 2, 1, clock)
    made = Flights[int, str](request, cache, clock, batch=batch, within=0.5 if batch > 1 else 0, crowd=crowd)
    ends = list[str]()

    async def asker(comes: int, leaves: int, key: int) -> None:
        await clock.sleep(comes)
        with clock.deadline(leaves) as scope:
            try:
                assert await made.get(key) == NAMES.get(key)
                ends.append("answered")
            except ConnectionError:
                ends.append("failed")
        if scope.cancelled_caught:
            assert clock.monotonic() == comes + leaves
            ends.append("cancelled")

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for each in askers:
                group.start_soon(asker, *each)
        assert running == 0
        takes[:] = [1]
        async with anyio.create_task_group() as group:  # nothing that was left over disturbs who comes later
            began = clock.monotonic()
            for key in range(10, 10 + min(batch, crowd)):
                group.start_soon(made.get, key)
        assert clock.monotonic() == began + 1
        assert len(requests[-1]) == min(batch, crowd)

    anyio.run(main, backend=backend)
    assert len(ends) == len(askers)
    assert made.counts.flights == len(requests)
