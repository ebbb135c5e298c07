"""`keep`, `not_none`, `batch`, `unbatch` as values; how they run is tested with the engine."""

from datetime import timedelta

import pytest
from sample_pipes import parse, twice
from typing_extensions import TypeIs

from rivusio_core import CompositionError, ConfigError, DefinitionError, batch, keep, not_none, pipe, unbatch
from rivusio_core.ports import Ports, ports_of
from rivusio_core.shapes import Batch, Keep, NotNone, Unbatch


def is_even(number: int) -> bool:
    return number % 2 == 0


async def is_known(number: int) -> bool:
    return number > 0


def is_int(value: object) -> TypeIs[int]:
    return isinstance(value, int)


class Near:
    def __call__(self, number: int) -> bool:
        return number < 1


class Far:
    async def __call__(self, number: int) -> bool:
        return number > 1


def two_items(one: int, two: int) -> bool:
    return one < two


@pipe
def maybe(line: str) -> int | None:
    return None


@pytest.mark.parametrize(
    ("predicate", "is_async"), [(is_even, False), (is_known, True), (Near(), False), (Far(), True), (bool, False)]
)
def test_keep_becomes_a_pipe_with_its_predicate(predicate: object, is_async: bool) -> None:
    (_, step) = (parse >> keep(predicate)).steps  # type: ignore[call-overload]
    assert isinstance(step, Keep)
    assert step.predicate is predicate
    assert step.is_async is is_async


def test_not_none_becomes_a_keep() -> None:
    (_, step) = (maybe >> not_none()).steps
    assert isinstance(step, NotNone)
    assert isinstance(step, Keep)
    assert [step.predicate(value) for value in (None, 0, "")] == [False, True, True]
    assert ports_of(maybe >> not_none()) == Ports(str, int)


@pytest.mark.parametrize(
    ("within", "seconds"), [(None, None), ("1s", 1.0), (timedelta(milliseconds=250), 0.25), (2, 2.0), (0.5, 0.5)]
)
def test_batch_becomes_a_pipe_with_size_and_seconds(within: str | float | timedelta | None, seconds: float) -> None:
    (_, step) = (parse >> batch(3, within)).steps
    assert isinstance(step, Batch)
    assert (step.size, step.within) == (3, seconds)


def test_unbatch_becomes_a_flat_pipe() -> None:
    (*_, step) = (parse >> batch(2) >> unbatch()).steps
    assert isinstance(step, Unbatch)
    assert list(step.process([1, 2])) == [1, 2]


@pytest.mark.parametrize(
    ("size", "within", "paths"),
    [
        (0, None, ["n"]),
        (-1, None, ["n"]),
        ("2", None, ["n"]),
        (1.5, None, ["n"]),
        (None, None, ["n"]),
        (1, 0, ["within"]),
        (1, "-1s", ["within"]),
        (0, "0s", ["n", "within"]),
    ],
)
def test_batch_names_what_is_wrong(size: int, within: str | float | None, paths: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        batch(size, within)
    assert [fault.path for fault in caught.value.faults] == paths


def test_batch_within_is_a_duration() -> None:
    with pytest.raises(ConfigError, match="within: 'soon' is no duration"):
        batch(2, "soon")


@pytest.mark.parametrize(
    ("predicate", "message"),
    [
        (3, "a predicate is a function of the item, not int"),
        (None, "not NoneType"),
        (parse, "'parse' is a pipe; a predicate is a plain function"),
        (two_items, "'two_items' cannot be called with one item"),
        (lambda: True, "cannot be called with one item"),
    ],
)
def test_keep_refuses_what_is_no_predicate(predicate: object, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        keep(predicate)  # type: ignore[call-overload]


def test_options_of_a_shape_are_those_of_its_step() -> None:
    (_, step) = (parse >> keep(is_even)).steps
    assert step.with_options(name="even", on_error="skip").step_name == "even"


def test_a_narrowing_keep_gives_the_narrower_type() -> None:
    assert ports_of(maybe >> keep(is_int)) == Ports(str, int)
    assert ports_of(keep(is_int) >> twice) == Ports(object, int)


def test_misfits_name_the_shape() -> None:
    with pytest.raises(CompositionError, match=r"'parse' gives int but 'unbatch' takes Iterable\[item\]"):
        parse >> unbatch()  # type: ignore[operator]
