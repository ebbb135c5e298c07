"""With `retry`, every attempt gets the item as it came in, wherever the pipe stands; so does the dead letter."""

from __future__ import annotations

import copy
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import cached_property
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, PrivateAttr

from rivusio_core import (
    BadRecord,
    BasePipe,
    DeadLetter,
    Parallel,
    PipeTypeError,
    RetriesExhausted,
    Retry,
    branch,
    flat_pipe,
    keep,
    pipe,
    route,
)
from rivusio_core.policy.pristine import fresh, is_immutable
from rivusio_core.testing import VirtualClock

AT_ONCE = Retry(attempts=3, backoff=0)
Row = list[int]


def spoil(row: Row, attempts: dict[int, int]) -> Row:
    """Changes the row; fails twice, for good where the row is negative."""
    number = row[0]
    attempts[number] = attempts.get(number, 0) + 1
    row.append(100 + number)
    if number < 0 or attempts[number] < 3:
        row.append(99)
        raise OSError
    return row


def plain() -> BasePipe[Row, Row]:
    attempts: dict[int, int] = {}

    @pipe(retry=AT_ONCE, name="spoil")
    def spoiling(row: Row) -> Row:
        return spoil(row, attempts)

    return spoiling


def waiting() -> BasePipe[Row, Row]:
    attempts: dict[int, int] = {}

    @pipe(retry=AT_ONCE, name="spoil")
    async def spoiling(row: Row) -> Row:
        return spoil(row, attempts)

    return spoiling


def flat() -> BasePipe[Row, Row]:
    attempts: dict[int, int] = {}

    @flat_pipe(retry=AT_ONCE, name="spoil")
    def spoiling(row: Row) -> Iterator[Row]:
        yield spoil(row, attempts)

    return spoiling


def async_flat() -> BasePipe[Row, Row]:
    attempts: dict[int, int] = {}

    @flat_pipe(retry=AT_ONCE, name="spoil")
    async def spoiling(row: Row) -> AsyncIterator[Row]:
        yield spoil(row, attempts)

    return spoiling


@pipe
def same(row: Row) -> Row:
    return row


def always(row: Row) -> bool:
    return True


PLACES: dict[str, tuple[Callable[[], BasePipe[Row, Row]], dict[str, Any]]] = {
    "sync": (plain, {}),
    "sync, between": (lambda: same >> plain() >> same, {}),
    "async": (waiting, {}),
    "flat": (flat, {}),
    "async flat": (async_flat, {}),
    "thread": (lambda: plain().with_options(thread=True, concurrency=3), {}),
    "concurrent": (lambda: waiting().with_options(concurrency=3), {}),
    "validated": (lambda: plain().with_options(validate=True), {}),
    "timed": (lambda: waiting().with_options(timeout="30s"), {}),
    "route": (lambda: route((always, plain()), otherwise=same), {}),
    "async route": (lambda: route((always, same >> waiting()), otherwise=same), {}),
    "parallel threads": (plain, {"parallel": Parallel(kind="thread", workers=2)}),
    "parallel async": (waiting, {"parallel": Parallel(kind="async", workers=2)}),
}


@pytest.mark.parametrize("place", PLACES)
def test_each_attempt_and_the_dead_letter_get_the_item_as_it_came(place: str) -> None:
    make, settings = PLACES[place]
    items = [[number] for number in (1, 2, -3, 4)]
    step = _all_steps(make(), on_error="dead_letter")
    letters: list[DeadLetter] = []
    assert list(step.map(items, dead_letters=letters, **settings)) == [[1, 101], [2, 102], [4, 104]]
    assert [(letter.value, letter.error.attempts) for letter in letters] == [([-3], 3)]
    assert items == [[1], [2], [-3], [4]]


def _all_steps(step: BasePipe[Row, Row], **options: Any) -> BasePipe[Row, Row]:
    """Options belong to steps: of a pipeline they are set on each."""
    from rivusio_core.pipeline import Pipeline
    from rivusio_core.route import Route

    if isinstance(step, Pipeline):
        first, *rest = [_all_steps(each, **options) for each in step.steps]
        for each in rest:
            first = first >> each
        return first
    if isinstance(step, Route):
        # The item fails inside; what becomes of it is said there.
        arms = [(predicate, _all_steps(arm, **options)) for predicate, arm in step.arms]
        return route(*arms, otherwise=step.otherwise)  # type: ignore[arg-type]  # arms of one type
    return step.with_options(**options)


@pytest.mark.anyio
async def test_the_sides_of_a_branch_do_not_see_what_an_attempt_did() -> None:
    clock = VirtualClock()
    attempts: dict[int, int] = {}

    @pipe(retry=Retry(attempts=3, backoff="1s"))
    async def spoiling(row: Row) -> Row:
        return spoil(row, attempts)

    @pipe
    async def late(row: Row) -> Row:
        await clock.sleep(0.5)
        seen = [*row]
        row.append(-1)  # without a retry an item is shared: this must not reach the next attempt
        return seen

    for both in (branch(spoiling, late), branch(late, spoiling), branch(late, same >> spoiling)):
        attempts.clear()
        results = [sorted(out) async for out in both.amap([[1]], clock=clock)]
        assert results == [[[1], [1, 101]]]


@pytest.mark.anyio
async def test_one_item_for_single_calls(anyio_backend_name: str) -> None:
    row = [5]
    async with waiting().aopened() as opened:
        assert await opened.arun(row) == [5, 105]
    assert row == [5]


def test_one_item_for_single_sync_calls() -> None:
    row = [5]
    assert plain().run(row) == [5, 105]
    assert row == [5]


def test_a_call_that_was_abandoned_changes_only_its_own_item() -> None:
    release, changed = threading.Event(), threading.Event()
    seen: list[Row] = []

    @pipe(thread=True, timeout="50ms", retry=Retry(attempts=9, backoff=0))
    def slow(row: Row) -> Row:
        seen.append([*row])
        if len(seen) == 1:
            release.wait(30)
            row.append(1)
            changed.set()
        else:
            release.set()
            changed.wait(30)
        return row

    row = [0]
    assert list(slow.map([row])) == [[0]]
    assert row == [0]
    assert all(each == [0] for each in seen)
    assert len(seen) > 1


def test_a_filter_passes_the_item_that_came() -> None:
    seen: list[Row] = []

    def spoiling(row: Row) -> bool:
        seen.append([*row])
        row.append(0)
        if len(seen) == 1:
            raise OSError
        return True

    row = [1]
    step, *_ = (same >> keep(spoiling)).steps[1:]
    assert next(iter(step.with_options(retry=AT_ONCE).map([row]))) is row
    assert seen == [[1], [1]]
    assert row == [1]


def test_errors_that_are_not_tried_again_leave_the_item_too() -> None:
    @pipe(retry=2)
    def refuse(row: Row) -> Row:
        row.clear()
        raise BadRecord("no")

    letters: list[DeadLetter] = []
    assert list(refuse.map([[1]], dead_letters=letters)) == []
    assert letters[0].value == [1]


def test_retry_1_is_for_dead_letters_alone() -> None:
    @pipe(retry=1, on_error="dead_letter")
    def refuse(row: Row) -> Row:
        row.clear()
        raise OSError

    letters: list[DeadLetter] = []
    assert list(refuse.map([[1]], dead_letters=letters)) == []
    assert (letters[0].value, letters[0].error.attempts) == ([1], 1)


def test_without_a_retry_nothing_is_copied() -> None:
    row = [1]
    assert next(iter(same.map([row]))) is row


def test_a_promise_not_to_change_items_saves_the_copy() -> None:
    row = [1]
    assert next(iter(same.with_options(retry=2).map([row]))) is not row
    assert next(iter(same.with_options(retry=Retry(copy=False)).map([row]))) is row


@pytest.mark.anyio
async def test_the_layer_alone_copies_too() -> None:
    attempts: dict[int, int] = {}

    async def call(item: object) -> object:
        assert isinstance(item, list)
        return spoil(item, attempts)

    row = [1]
    assert await AT_ONCE.layer(call, VirtualClock())(row) == [1, 101]
    assert row == [1]


class Locked:
    """Cannot be copied."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


@pytest.mark.parametrize("wait", [False, True])
def test_what_cannot_be_copied_is_refused_before_the_pipe_is_called(wait: bool) -> None:
    called: list[object] = []

    @pipe(retry=3, on_error="dead_letter")
    def number(item: object) -> int:
        called.append(item)
        return 1

    @pipe(retry=3, on_error="dead_letter")
    async def anumber(item: object) -> int:
        called.append(item)
        return 1

    step: BasePipe[object, int] = anumber if wait else number
    letters: list[DeadLetter] = []
    item = Locked()
    assert list(step.map([1, item, 2], dead_letters=letters)) == [1, 1]
    assert called == [1, 2]
    assert letters[0].value is item
    error = letters[0].error
    assert isinstance(error, PipeTypeError)
    assert error.attempts == 1
    assert "item 1: an item of type Locked cannot be copied" in str(error)
    assert "Retry(copy=False)" in str(error)
    unsafe = step.with_options(retry=Retry(copy=False))
    assert list(unsafe.map([item], dead_letters=[])) == [1]


def test_the_last_error_is_told_as_before() -> None:
    with pytest.raises(RetriesExhausted, match="failed on item 0 after 3 attempts: OSError"):
        list(plain().map([[-1]]))


# ------------------------------------------------------------------------------------------------- what is copied


class Colour(Enum):
    RED = "red"


class Point(NamedTuple):
    x: object


class TupleWithMore(tuple[object, ...]):  # noqa: SLOT001  # that is the point
    """Has a `__dict__`, and what is in it can be changed."""


@dataclass(frozen=True)
class Frozen:
    inside: object

    @cached_property
    def found(self) -> list[int]:
        return [1]


@dataclass(frozen=True, slots=True)
class Slotted:
    inside: object


@dataclass(frozen=True)
class FrozenList(list[object]):
    inside: object = 0


class Loose(Frozen):
    """Derived from a frozen dataclass, and none itself."""


@dataclass
class Open:
    inside: object


class Text(str):
    __slots__ = ("more",)


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")
    inside: Any = 0


class Private(BaseModel):
    model_config = ConfigDict(frozen=True)
    _seen: list[int] = PrivateAttr(default_factory=list)


class OpenModel(BaseModel):
    inside: Any = 0


ATOMS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(), st.binary(), st.just(date(2024, 1, 1)), st.just(Decimal(1))
) | st.sampled_from([Colour.RED, 1.5, int, len])


@st.composite
def values(draw: st.DrawFn, depth: int = 3) -> tuple[object, bool]:
    """A value, and whether anything in it can be changed."""
    if depth == 0 or draw(st.booleans()):
        return draw(ATOMS), False
    inside, changes = draw(values(depth=depth - 1))
    kind = draw(st.sampled_from(["list", "dict", "open", "model", "tuple", "point", "frozen", "slots", "frozen model"]))
    beside = draw(ATOMS)
    made: dict[str, Callable[[], object]] = {
        "list": lambda: [beside, inside],
        "dict": lambda: {1: inside},
        "open": lambda: Open(inside),
        "model": lambda: OpenModel(inside=inside),
        "tuple": lambda: (beside, inside),
        "point": lambda: Point(inside),
        "frozen": lambda: Frozen(inside),
        "slots": lambda: Slotted(inside),
        "frozen model": lambda: Model(inside=beside, more=inside),
    }
    return made[kind](), changes or kind in ("list", "dict", "open", "model")


@given(values())
def test_exactly_what_can_be_changed_is_copied(drawn: tuple[object, bool]) -> None:
    value, changes = drawn
    assert is_immutable(value) is not changes
    copied = fresh(value)
    assert (copied is value) is not changes
    assert copied == copy.deepcopy(value)


@pytest.mark.parametrize(
    "value",
    [
        bytearray(b"a"),
        {1},
        TupleWithMore((1,)),
        FrozenList(),
        Loose(1),
        Text("a"),
        Private(),
        ValueError("a"),
        object(),
        (1, (2, frozenset({3}), [4])),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_may_be_changed_after_all_counts_as_such(value: object) -> None:
    assert not is_immutable(value)


def test_what_is_left_on_a_frozen_value_counts() -> None:
    value = Frozen(1)
    assert is_immutable(value)
    value.found.append(2)
    assert not is_immutable(value)


@pytest.mark.parametrize("frozen", [True, False])
def test_a_struct_counts_as_what_it_says(frozen: bool) -> None:
    class Struct:
        """As far as msgspec's structs show: slots, and a configuration."""

        __slots__ = ("inside",)
        __struct_config__ = SimpleNamespace(frozen=frozen)

        def __init__(self, inside: object) -> None:
            self.inside = inside

    assert is_immutable(Struct((1, "a"))) is frozen
    assert not is_immutable(Struct([1]))


def test_a_ring_is_copied() -> None:
    ring = Frozen([])
    object.__setattr__(ring, "inside", ring)
    assert not is_immutable(ring)


def test_classes_made_at_run_time_are_let_go() -> None:
    from rivusio_core.policy import pristine

    for number in range(2 * pristine._MOST_CHECKS):
        assert not is_immutable(type(f"Made{number}", (), {})())
    assert len(pristine._checks) <= pristine._MOST_CHECKS


@dataclass
class Counted:
    """Notes how often it was copied."""

    copies: list[int] = field(default_factory=list)

    def __deepcopy__(self, memo: object) -> Counted:
        self.copies.append(1)
        return Counted(self.copies)


def test_an_item_that_does_not_fail_is_copied_once() -> None:
    @pipe(retry=5)
    def take(item: Counted) -> int:
        return len(item.copies)

    assert list(take.map([Counted(), Counted()])) == [1, 1]
