"""`map` over plain calls: results come straight out of the loop, and still all is closed, counted and told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError, model_validator
from sample_pipes import aadd, add

from rivusio_core import Listener, PipeError, Pipeline, RunInfo, Tally, flat_pipe, keep, pipe
from rivusio_core.errors import BadRecord
from rivusio_core.validators import direct


class Interrupt(BaseException):
    """Like an interrupt, without harm to the tests."""


class Told(Listener):
    def __init__(self) -> None:
        self.counts, self.ended = dict[str, Tally](), list[BaseException | None]()

    def step_ran(self, run: RunInfo, step: str, tally: Tally, seconds: float) -> None:
        self.counts.setdefault(step, Tally()).add(tally)

    def run_ended(self, run: RunInfo, error: BaseException | None) -> None:
        self.ended.append(error)


@pipe
def interrupt_at_3(number: int) -> int:
    if number == 3:
        raise Interrupt
    return number


@pytest.mark.parametrize("items", [[1, 3, 5], iter([1, 3, 5])], ids=["list", "iterator"])
def test_an_interrupt_ends_the_run_before_it_is_seen(items: Iterable[int]) -> None:
    closed, told = list[int](), Told()

    @flat_pipe
    def twice(number: int) -> Iterator[int]:
        try:
            yield number
            yield number
        finally:
            closed.append(number)

    results = (twice >> interrupt_at_3).map(items, listeners=[told])
    assert [next(results), next(results)] == [1, 1]
    with pytest.raises(Interrupt) as caught:
        next(results)
    assert closed == [1, 3]
    assert told.ended == [caught.value]
    assert next(results, None) is None


def test_a_pipe_may_raise_what_ends_iterators() -> None:
    @pipe
    def stop(number: int) -> int:
        raise StopIteration

    with pytest.raises(PipeError, match="pipe 'stop' failed on item 0"):
        list((add(amount=1) >> stop).map([1]))


@pytest.mark.parametrize("pipeline", [add(amount=1) >> add(amount=1), add(amount=1) >> aadd], ids=["plain", "async"])
def test_nothing_comes_out_of_what_was_closed(pipeline: Pipeline[int, int]) -> None:
    told = Told()
    results: Any = pipeline.map([*range(1000)], listeners=[told])
    next(results)
    results.close()
    assert list(results) == []
    assert told.ended == [None]
    results.close()


def even(number: int) -> bool:
    return number % 2 == 0


@given(st.lists(st.integers(0, 20)), st.sampled_from([list, iter]))
def test_rows_are_counted_however_they_come(numbers: list[int], made: Callable[[list[int]], Iterable[int]]) -> None:
    @pipe(on_error="skip")
    def no_sevens(number: int) -> int:
        if number % 7 == 0:
            raise BadRecord
        return number

    told = Told()
    found = list((add(amount=1) >> no_sevens >> keep(even)).map(made(numbers), listeners=[told]))
    good = [number + 1 for number in numbers if (number + 1) % 7]
    assert found == [number for number in good if number % 2 == 0]
    counts = {step: (each.taken, each.given, each.skipped, each.unaccounted) for step, each in told.counts.items()}
    if numbers:
        assert counts["add"] == (len(numbers), len(numbers), 0, 0)
        assert counts["no_sevens"] == (len(numbers), len(good), len(numbers) - len(good), 0)


# ----------------------------------------------------------------------------------------------------- validators


class Order(BaseModel):
    amount: int


class Own(Order):
    @classmethod
    def model_validate_json(cls, json_data: Any) -> Own:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]  # it has no settings
        return Own(amount=17)


class Checked(Order):
    @model_validator(mode="after")
    def positive(self) -> Checked:
        if self.amount < 0:
            raise ValueError("negative")
        return self


def test_models_are_validated_as_by_their_own_methods() -> None:
    assert list(pipe(Order.model_validate_json).map(['{"amount": 1}'])) == [Order(amount=1)]
    assert list(pipe(Order.model_validate).map([{"amount": 1}])) == [Order(amount=1)]
    assert list(pipe(Own.model_validate_json).map(['{"amount": 1}'])) == [Own(amount=17)]
    with pytest.raises(PipeError) as caught:
        list(pipe(Checked.model_validate_json).map(['{"amount": -1}']))
    with pytest.raises(ValidationError) as own:
        Checked.model_validate_json('{"amount": -1}')
    assert str(caught.value.__cause__) == str(own.value)


def test_settings_of_validators_are_kept() -> None:
    strict = pipe(Order.model_validate)(strict=True)
    with pytest.raises(PipeError, match="ValidationError"):
        list(strict.map([{"amount": "1"}]))
    assert list(pipe(Order.model_validate).map([{"amount": "1"}])) == [Order(amount=1)]


def test_what_is_called_in_place_of_a_method() -> None:
    validator = cast("Any", Order).__pydantic_validator__
    assert direct(Order.model_validate_json) == validator.validate_json
    for function in (Own.model_validate_json, Order.model_dump, Order(amount=1).model_dump_json, len, Order):
        assert direct(function) is function or direct(function) == function
