"""`@pipe` and `@flat_pipe`: which functions they take, and how settings are bound."""

import pickle
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import pytest
from pydantic import Field
from sample_pipes import add

from rivusio_core import ConfigError, DefinitionError, PipeOptions, Use, flat_pipe, pipe, resource, state
from rivusio_core.pipe import AsyncBasePipe, AsyncFlatPipe, FlatPipe, SyncBasePipe


@resource
def counter() -> Iterator[list[int]]:
    yield [0]


@pipe
def scale(number: float, *, factor: Annotated[float, Field(gt=0)], places: int = 2) -> float:
    """Scale a number."""
    return round(number * factor, places)


@pipe
def counted(number: int, *, box: Annotated[list[int], Use(counter)] = state(), step: int = 1) -> int:
    box[0] += step
    return box[0]


def test_the_kind_follows_the_function() -> None:
    @pipe
    def plain(item: int) -> int:
        return item

    @pipe
    async def coroutine(item: int) -> int:
        return item

    @flat_pipe
    def generator(item: int) -> Iterator[int]:
        yield item

    @flat_pipe
    async def async_generator(item: int) -> AsyncIterator[int]:
        yield item

    @flat_pipe
    def listing(item: int) -> list[int]:
        return [item]

    assert isinstance(plain, SyncBasePipe)
    assert isinstance(coroutine, AsyncBasePipe)
    assert isinstance(generator, FlatPipe)
    assert isinstance(async_generator, AsyncFlatPipe)
    assert isinstance(listing, FlatPipe)


def _none() -> int:
    return 1


def _two(one: int, two: int) -> int:
    return one


def _many(*items: int) -> int:
    return 1


def _rest(item: int, **rest: int) -> int:
    return 1


def _generator(item: int) -> Iterator[int]:
    yield item


async def _async_generator(item: int) -> AsyncIterator[int]:
    yield item


async def _coroutine(item: int) -> list[int]:
    return [item]


@pytest.mark.parametrize(
    ("decorator", "function", "message"),
    [
        (pipe, _none, "its first parameter is the item"),
        (pipe, _two, r"make them keyword-only settings: \(item, \*, two\)"),
        (pipe, _many, "one item and named settings"),
        (pipe, _rest, "one item and named settings"),
        (pipe, _generator, "use @flat_pipe"),
        (pipe, _async_generator, "use @flat_pipe"),
        (flat_pipe, _none, "its first parameter is the item"),
        (flat_pipe, _coroutine, "`yield` the results"),
    ],
)
@pytest.mark.parametrize("with_options", [False, True])
def test_functions_that_are_refused(decorator: Any, function: Any, message: str, with_options: bool) -> None:
    with pytest.raises(DefinitionError, match=message) as caught:
        (decorator(name="x") if with_options else decorator)(function)
    assert repr(function.__qualname__) in str(caught.value)


def test_settings_are_validated_and_complete() -> None:
    assert scale(factor="3").settings() == {"factor": 3.0, "places": 2}  # type: ignore[arg-type, attr-defined]
    assert scale(factor=3)(places=1).settings() == {"factor": 3.0, "places": 1}  # type: ignore[operator]
    assert scale(factor=3).run(2.0) == 6.0


@pytest.mark.parametrize(
    ("settings", "faults"),
    [
        ({}, [("factor", "Field required")]),
        ({"factor": -1}, [("factor", "Input should be greater than 0")]),
        (
            {"factr": 1, "places": "x"},
            [("factor", "required"), ("places", "valid integer"), ("factr", "did you mean")],
        ),
        ({"factor": 1, "wholly": 1}, [("wholly", "there are factor, places")]),
        ({"factor": 1, "number": 1}, [("number", "no such setting")]),
    ],
)
def test_all_faults_at_once(settings: dict[str, Any], faults: list[tuple[str, str]]) -> None:
    with pytest.raises(ConfigError, match="scale: wrong configuration") as caught:
        scale(**settings)
    found = {fault.path: fault.message for fault in caught.value.faults}
    assert found.keys() == {path for path, _ in faults}
    for path, message in faults:
        assert message in found[path]


def test_no_value_in_a_message() -> None:
    with pytest.raises(ConfigError) as caught:
        scale(factor="hunter2")  # type: ignore[arg-type]
    assert "hunter2" not in str(caught.value)


def test_called_with_an_item() -> None:
    with pytest.raises(DefinitionError, match=r"use add\.run\(item\) for one item, or add\.function\(item\)"):
        add(3)  # type: ignore[call-arg]
    assert add.function(3) == 4
    assert add.function(3, amount=2) == 5
    assert add.run(3) == 4


def test_resources_are_no_settings() -> None:
    assert counted(step=2).settings() == {"step": 2}  # type: ignore[attr-defined]
    assert list(counted(step=2).map([0, 0])) == [2, 4]
    with pytest.raises(ConfigError, match="no such setting"):
        counted(box=[1])


def test_options() -> None:
    made = pipe(name="n", on_error="skip")(_plain)
    assert made.options == PipeOptions(name="n", on_error="skip")
    assert (made.step_name, repr(made)) == ("n", "_plain")
    with pytest.raises(ConfigError, match="did you mean 'on_error'"):
        pipe(on_eror="skip")  # type: ignore[call-overload]


def _plain(item: int) -> int:
    return item


def test_model_and_documentation() -> None:
    schema = scale.config_model().model_json_schema()
    assert schema["required"] == ["factor"]
    assert schema["properties"]["places"]["default"] == 2
    assert scale.__doc__ == "Scale a number."


def test_a_local_function_says_why_it_cannot_be_pickled() -> None:
    @pipe
    def local(item: int) -> int:
        return item

    with pytest.raises((pickle.PicklingError, AttributeError, DefinitionError)):
        pickle.loads(pickle.dumps(local))


def test_an_item_type_that_is_unknown_at_run_time_does_not_hide_the_settings() -> None:
    @pipe
    def local(item: "Nowhere", *, factor: "int" = 2) -> int:  # type: ignore[name-defined]  # noqa: F821
        return factor

    assert local(factor="3").settings() == {"factor": 3}  # type: ignore[arg-type, attr-defined]
    with pytest.raises(DefinitionError, match="the annotation of 'factor' names 'Nowhere'"):

        @pipe
        def other(item: int, *, factor: "Nowhere") -> int:  # type: ignore[name-defined]  # noqa: F821
            return 1
