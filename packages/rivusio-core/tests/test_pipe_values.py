"""Pipes and pipelines are immutable values: equality, hash, text, pickling, options."""

import copy
import pickle
from typing import Annotated, Generic, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field
from sample_pipes import aadd, add, parse, twice

from rivusio_core import (
    AsyncBasePipe,
    ConfigError,
    FlatPipe,
    Pipeline,
    PipeOptions,
    SyncBasePipe,
    batch,
    branch,
    keep,
    not_none,
    pipe,
    route,
    state,
    unbatch,
)
from rivusio_core.ports import ports_of

T = TypeVar("T")


class Discount(SyncBasePipe[float, float]):
    rate: Annotated[float, Field(ge=0, le=1)] = 0.1
    label: str = "x"

    def process(self, item: float) -> float:
        return item * (1 - self.rate)


class Same(SyncBasePipe[float, float]):
    rate: float = 0.1
    label: str = "x"

    def process(self, item: float) -> float:
        return item


class Counting(AsyncBasePipe[int, int]):
    start: int = 0
    seen: int = state()

    async def setup(self) -> None:
        self.seen = self.start

    async def process(self, item: int) -> int:
        self.seen += 1
        return self.seen


class Tagged(SyncBasePipe[T, tuple[str, T]], Generic[T]):
    tag: str

    def process(self, item: T) -> tuple[str, T]:
        return self.tag, item


class Slow(FlatPipe[int, int]):
    options = PipeOptions(name="slow", timeout="1s", thread=True)

    def process(self, item: int) -> list[int]:
        return [item]


def is_even(number: int) -> bool:
    return number % 2 == 0


def values() -> "list[Pipeline[int, object]]":
    """Fresh values, all different from one another."""
    return [  # type: ignore[return-value]
        add,
        add(amount=2),
        add.with_options(name="plus"),
        aadd,
        twice,
        Discount(rate=0.2),
        Discount(rate=0.3),
        Discount(rate=0.2, label="y"),
        Same(rate=0.2),
        Counting(),
        Counting(start=1),
        Tagged[int](tag="a"),
        Slow(),
        Slow().with_options(concurrency=2),
        add >> twice,
        twice >> add,
        (add >> twice).with_options(name="both"),
        add & twice_summed,
        branch(add, add, add),
        add & add,
        route((is_even, add), otherwise=twice),
        route((is_even, twice), otherwise=add),
        add >> keep(is_even),
        add >> keep(bool),
        add >> not_none(),
        add >> batch(2),
        add >> batch(3),
        add >> batch(2, within="1s"),
        add >> batch(2) >> unbatch(),
    ]


@pipe
def twice_summed(number: int) -> int:
    return number * 2


ONE, TWO = values(), values()


@pytest.mark.parametrize("index", range(len(ONE)), ids=lambda index: repr(ONE[index]))
def test_equal_when_made_alike_and_only_then(index: int) -> None:
    assert ONE[index] == TWO[index]
    assert hash(ONE[index]) == hash(TWO[index])
    others = [each for place, each in enumerate(TWO) if place != index]
    assert ONE[index] not in others


@pytest.mark.parametrize("index", range(len(ONE)), ids=lambda index: repr(ONE[index]))
@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
def test_pickled_and_back(index: int, protocol: int) -> None:
    back = pickle.loads(pickle.dumps(ONE[index], protocol))
    assert back == ONE[index]
    assert hash(back) == hash(ONE[index])
    assert repr(back) == repr(ONE[index])
    assert back.step_name == ONE[index].step_name
    assert repr(ports_of(back)) == repr(ports_of(ONE[index]))


@pytest.mark.parametrize("index", range(len(ONE)), ids=lambda index: repr(ONE[index]))
def test_copied(index: int) -> None:
    assert copy.copy(ONE[index]) == ONE[index]
    assert copy.deepcopy(ONE[index]) == ONE[index]


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (parse >> add(amount=2) >> Discount(rate=0.2), "parse >> add(amount=2) >> Discount(rate=0.2, label='x')"),
        (parse >> (add & twice_summed), "parse >> branch(add, twice_summed)"),
        (branch(add, twice_summed >> add, add), "branch(add, twice_summed >> add, add)"),
        (route((is_even, add), otherwise=twice), "route((is_even, add), otherwise=twice)"),
        (parse >> keep(is_even) >> batch(2, within="500ms"), "parse >> keep(is_even) >> batch(2, within=0.5)"),
        (parse >> not_none() >> batch(3) >> unbatch(), "parse >> not_none() >> batch(3) >> unbatch()"),
    ],
)
def test_text(made: "Pipeline[int, object]", text: str) -> None:
    assert repr(made) == text


def test_names() -> None:
    assert (parse >> (add & twice_summed)).step_name == "parse >> branch(add, twice_summed)"
    assert route((is_even, add), otherwise=twice).step_name == "route(add, twice)"
    assert (parse >> add).with_options(name="sums").step_name == "sums"
    assert [step.step_name for step in parse >> keep(is_even) >> batch(2) >> unbatch() >> Slow()] == [
        "parse",
        "keep(is_even)",
        "batch",
        "unbatch",
        "slow",
    ]


def test_a_pipeline_is_a_sequence_of_its_steps() -> None:
    pipeline = parse >> add >> twice
    assert len(pipeline) == 3
    assert list(pipeline) == [parse, add, twice]
    assert Pipeline.of(pipeline) is pipeline
    assert Pipeline.of(add).steps == (add,)
    assert Pipeline.of(add) >> twice == add >> twice


def test_options_belong_to_pipes() -> None:
    with pytest.raises(ConfigError) as caught:
        (parse >> add).with_options(concurrency=2, timeout=1)
    assert [fault.path for fault in caught.value.faults] == ["concurrency", "timeout"]
    assert "one of parse, add" in str(caught.value)
    with pytest.raises(ConfigError, match="did you mean 'concurrency'"):
        add.with_options(concurency=2)  # type: ignore[call-arg]


def test_options_make_another_value_and_leave_the_first() -> None:
    assert add.with_options(concurrency=1) == add
    assert (slow := Slow().with_options(concurrency=2)) != Slow()
    assert slow.options == PipeOptions(name="slow", timeout="1s", thread=True, concurrency=2)
    assert Slow.options.concurrency == 1


def test_immutable() -> None:
    discount = Discount()
    with pytest.raises(AttributeError, match=r"Discount\.rate is configuration: a pipe is a value"):
        discount.rate = 0.5
    with pytest.raises(AttributeError, match="declare it with `= state"):
        discount.other = 1  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        (parse >> add).name = "x"  # type: ignore[attr-defined]
    assert discount.rate == 0.1


def test_state_is_no_part_of_the_value() -> None:
    counting, other = Counting(), Counting()
    with pytest.raises(AttributeError, match=r"Counting\.seen does not exist yet: setup\(\) makes it"):
        _ = counting.seen
    counting.seen = 5
    assert counting == other
    assert hash(counting) == hash(other)
    assert repr(counting) == repr(other) == "Counting(start=0)"
    with pytest.raises(AttributeError):
        _ = counting.with_options(name="c").seen


@given(st.floats(0, 1), st.text(max_size=5))
def test_any_configuration_is_a_value(rate: float, label: str) -> None:
    one, two = Discount(rate=rate, label=label), Discount(rate=rate, label=label)
    assert one == two
    assert hash(one) == hash(two)
    assert pickle.loads(pickle.dumps(one)) == one
    assert (one.rate, one.label) == (rate, label)


def test_values_of_different_kinds_are_never_equal() -> None:
    assert Discount(rate=0.2) != Same(rate=0.2)
    assert add != "add"
    assert batch(2) == batch(2)
    assert batch(2) != batch(3)
    assert len({batch(2), batch(2), keep(is_even), keep(is_even), not_none(), unbatch()}) == 4
