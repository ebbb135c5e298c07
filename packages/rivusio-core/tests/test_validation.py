"""Checks against the declared types: strict, and silent about the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, BaseModel, Field
from typing_extensions import TypedDict

from rivusio_core import ConfigError, PipeError, PipeTypeError, SystemClock, pipe
from rivusio_core.policy.validation import Validation

pytestmark = pytest.mark.anyio

SECRET = "4711-secret"


class Order(BaseModel):
    id: int
    tags: dict[str, int] = {}


class Tree(BaseModel):
    children: list[Tree] = []


@dataclass
class Point:
    x: int


class Row(TypedDict):
    name: str
    size: int


class Plain:
    """Nothing that pydantic knows."""


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]


async def check(takes: object, item: object, *, gives: object = Any) -> object:
    async def same(item: object) -> object:
        return item

    return await Validation(takes, gives).layer(same, SystemClock())(item)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (int, 1),
        (float, 1),
        (int | None, None),
        (list[int], [1]),
        (Order, Order(id=1)),
        (Point, Point(1)),
        (Row, {"name": "a", "size": 1}),
        (Plain, Plain()),
        (Tree, Tree(children=[Tree()])),
        (list[Pet], [Cat(kind="cat"), Dog(kind="dog")]),
        (list[Plain], [Plain()]),
        (Any, object()),
        (object, object()),
    ],
)
async def test_what_fits_passes_untouched(kind: object, value: object) -> None:
    assert await check(kind, value) is value
    assert await check(Any, value, gives=kind) is value


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (int, SECRET, "the type int that the pipe (takes|gives): Input should be a valid integer"),
        (int, "1", "Input should be a valid integer"),
        (int, 1.0, "Input should be a valid integer"),
        (list[int], [1, SECRET], "list.int. .*: 1: Input should be a valid integer"),
        (Order, {"id": 1}, "Input should be an instance of Order"),
        (list[Order], [{"id": 1}], "0: Input should be an instance of Order"),
        (Tree, {"children": []}, "Input should be an instance of Tree"),
        (Point, {"x": 1}, "Input should be .*Point"),
        (Row, {"name": "a", "size": SECRET}, "size: Input should be a valid integer"),
        (Row, {"name": "a"}, "size: Field required"),
        (dict[str, int], {SECRET: SECRET}, r": \*: Input should be a valid integer"),
        (Plain, SECRET, "Input should be an instance of Plain"),
        (list[Pet], [{"kind": SECRET}], "0: union_tag_invalid"),
        (list[Pet], [{"kind": "cat"}], "0.cat: Input should be an instance of Cat"),
        (dict[str, Order], {SECRET: {"name": SECRET}}, r": \*: Input should be an instance of Order"),
        (int | None, SECRET, r"the type int \| None"),
        (list[int], [SECRET] * 9, "; and 4 more$"),
    ],
)
async def test_what_does_not_fit_is_refused_without_quoting_it(kind: object, value: object, message: str) -> None:
    for side, settings in (("item", {"takes": kind}), ("result", {"takes": Any, "gives": kind})):
        with pytest.raises(PipeTypeError, match=message) as caught:
            await check(item=value, **settings)
        assert str(caught.value).startswith(f"the {side} is not of the type ")
        assert "4711" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__


async def test_a_validator_of_the_user_is_not_quoted() -> None:
    def never(name: str) -> str:
        raise ValueError(f"not {name}")

    with pytest.raises(PipeTypeError, match=r"gives: value_error$") as caught:
        await check(Any, SECRET, gives=Annotated[str, AfterValidator(never)])
    assert "4711" not in str(caught.value)


async def test_nothing_is_called_with_a_wrong_item() -> None:
    calls = list[object]()

    async def call(item: object) -> object:
        calls.append(item)
        return "text"

    layer = Validation(int, int).layer(call, SystemClock())
    with pytest.raises(PipeTypeError, match="the item"):
        await layer("1")
    assert calls == []
    with pytest.raises(PipeTypeError, match="the result"):
        await layer(1)
    assert calls == [1]


async def test_a_type_that_cannot_be_checked_is_a_mistake_of_definition() -> None:
    async def call(item: object) -> object:
        return item

    with pytest.raises(ConfigError, match="validate: cannot check the items' type") as caught:
        Validation(Annotated[int, Field(gt="x")], Any).layer(call, SystemClock())
    assert caught.value.faults[0].path == "validate"


def test_a_pipe_checks_both_sides() -> None:
    @pipe(validate=True)
    def half(number: int) -> int:
        return number / 2  # type: ignore[return-value]

    with pytest.raises(PipeError, match="pipe 'half' failed: the item is not of the type int"):
        half.run("4")  # type: ignore[arg-type]
    with pytest.raises(PipeError, match="pipe 'half' failed: the result is not of the type int that the pipe gives"):
        half.run(3)
