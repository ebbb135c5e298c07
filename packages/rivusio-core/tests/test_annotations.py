"""Annotations that are rarer than classes and lists: what may be composed with what, and what comes out."""
# mypy: disable-error-code="valid-type"
# Type variables are values here.
# ruff: noqa: UP007, UP045  # both spellings of a union are different things at run time

import re
import types
import typing
from collections import Counter, abc
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import (
    Any,
    Generic,
    Literal,
    LiteralString,
    NewType,
    NotRequired,
    Optional,
    ParamSpec,
    Protocol,
    TypeGuard,
    TypeVar,
    Union,
    cast,
)

import pytest
import typing_extensions
from pydantic import BaseModel
from typing_extensions import TypedDict, TypeIs

from rivusio_core import CompositionError, flat_pipe, pipe
from rivusio_core.hints.forms import variable
from rivusio_core.hints.text import type_text
from rivusio_core.ports import Ports, connect, ports_of

T = TypeVar("T")
S = TypeVar("S")
P = ParamSpec("P")
T_co = TypeVar("T_co", covariant=True)
T_contra = TypeVar("T_contra", contravariant=True)


class Animal: ...


class Dog(Animal): ...


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Source(Generic[T_co]): ...


class Sink(Generic[T_contra]): ...


class Task(Generic[P, T]): ...


class IntTask(Task[[int], str]): ...


class Written(Protocol):
    size: int


class Explicit(Written): ...


@typing.runtime_checkable
class Named(Protocol):
    name: str


class Row(TypedDict):
    key: int


class WideRow(Row):
    text: str


class LooseRow(TypedDict):
    key: NotRequired[int]


class TextRow(TypedDict):
    key: str


class LostRow(TypedDict):
    key: "Nowhere"  # type: ignore[name-defined]  # noqa: F821


class Flexible(BaseModel, Generic[T]):
    rows: list[T]


# Made at run time: the class of Python 3.12, `class Holder[V]`, cannot be written in a file for 3.11.
INFERRED: Any = cast("Any", typing_extensions.TypeVar)("V", infer_variance=True)
Holder: Any = types.new_class("Holder", (cast("Any", Generic)[INFERRED],))

UserId = NewType("UserId", int)
AdminId = NewType("AdminId", UserId)
OrderId = NewType("OrderId", int)

MARK: Any = 5
SHAPE: Any = ((3, 4),)
"""Like `MARK` what libraries put into annotations though it is no type: units, shapes, schemas."""


def joined(gives: object, takes: object) -> str:
    """What `a >> b` gives, as text, where `a` gives the one and `b` takes the other and gives it on."""
    return type_text(connect("a", Ports(str, gives), "b", Ports(takes, takes)).gives)


@pytest.mark.parametrize(
    ("gives", "takes"),
    [
        (LiteralString, str),
        (AdminId, UserId),
        (AdminId, int),
        (Color, Literal[Color.RED, Color.BLUE]),
        (Color, Union[Literal[Color.RED], Literal[Color.BLUE], None]),
        (bool, Union[Literal[True], Literal[False], str]),
        (Optional[Color], Union[Literal[Color.RED], Literal[Color.BLUE], None]),
        (WideRow, Row),
        (Row, LooseRow),
        (LostRow, Row),  # nobody knows
        (Callable, Callable[[int], str]),
        (Callable[[int], str], Callable),
        (Callable[[int], str], Callable[..., object]),
        (Explicit, Written),
        (Animal, Named),  # its attribute may be made in `__init__`
        (Source[Dog], Source[Animal]),
        (Sink[Animal], Sink[Dog]),
        (Holder[Dog], Holder[Animal]),
        (Holder[Animal], Holder[Dog]),
        (Task[[int], str], Task[[int], str]),
        (IntTask, Task[[int], str]),
        (abc.Coroutine[None, None, Dog], abc.Awaitable[Animal]),
        (abc.Generator[int, None, str], Iterable[float]),
        (abc.Generator[int, None, None], abc.Generator[int]),  # the short form of Python 3.13
        (Counter[str], Mapping[str, int]),
        (tuple[int, *tuple[str, ...]], tuple[int, str]),
        (tuple[()], Sequence[int]),
        (memoryview, Iterable[int]),
        (MARK, int),
        (int, MARK),
    ],
    ids=type_text,
)
def test_what_may_be_composed(gives: object, takes: object) -> None:
    assert joined(gives, takes) == type_text(takes)


@pytest.mark.parametrize(
    ("gives", "takes"),
    [
        (str, UserId),
        (OrderId, UserId),
        (UserId, AdminId),
        (Color, Literal[Color.RED]),
        (Color, Union[Literal[Color.RED], None]),
        (Row, WideRow),
        (LooseRow, Row),
        (TextRow, Row),
        (Mapping[str, int], Row),
        (Callable[[int], str], Callable[..., int]),
        (Source[Animal], Source[Dog]),
        (Sink[Dog], Sink[Animal]),
        (Holder[int], Holder[str]),
        (Task[[int], str], Task[[int], int]),
        (IntTask, Task[[int], int]),
        (abc.Coroutine[None, None, Animal], abc.Awaitable[Dog]),
        (abc.Coroutine[None, None, int], abc.Awaitable[str]),
        (Flexible[int], Flexible[str]),
    ],
    ids=type_text,
)
def test_what_may_not(gives: object, takes: object) -> None:
    with pytest.raises(CompositionError, match=re.escape(f"but 'b' takes {type_text(takes)}")):
        joined(gives, takes)


@pytest.mark.parametrize(
    ("left", "right", "gives"),
    [
        (Ports(str, tuple[int, str]), Ports(tuple[T, T], T), "int | str"),  # one variable, two types
        (Ports(str, tuple[bool, int]), Ports(tuple[T, T], T), "bool | int"),
        (Ports(str, tuple[int, bool]), Ports(tuple[T, T], T), "int"),
        (Ports(S, S), Ports(Optional[T], T), "S"),  # what is open stays open
        (Ports(S, tuple[S, list[S]]), Ports(tuple[T, T], T), "S"),
        (Ports(S, tuple[S, S]), Ports(tuple[int, float], str), "str"),
        (Ports(str, list[SHAPE]), Ports(list[T], Optional[T]), "Any"),  # no union can be made of it
    ],
    ids=str,
)
def test_variables_that_stand_for_several_things(left: Ports, right: Ports, gives: str) -> None:
    assert type_text(connect("a", left, "b", right).gives) == gives


def test_a_variable_keeps_to_what_it_stands_for() -> None:
    with pytest.raises(CompositionError):
        connect("a", Ports(S, tuple[S, S]), "b", Ports(tuple[int, str], str))


def test_a_constrained_variable_gives_any_of_its_types() -> None:
    number = variable("Number", int, float)
    assert connect("a", Ports(number, number), "b", Ports(complex, str)) == Ports(Union[int, float], str)
    with pytest.raises(CompositionError):
        connect("a", Ports(number, number), "b", Ports(Sequence[int], str))


@pytest.mark.parametrize("takes", [list[bytes], set[str], Literal["a"]], ids=type_text)
def test_a_union_of_which_nothing_fits_wants_a_pipe_between(takes: object) -> None:
    with pytest.raises(CompositionError, match="Put a pipe between that turns"):
        joined(Union[int, bool], takes)


def test_names_that_nobody_knows_are_shown_as_written() -> None:
    assert type_text(typing.List["Later"]) == "list[Later]"  # type: ignore[name-defined]  # noqa: F821, UP006


def test_truths_are_booleans() -> None:
    @pipe
    def guarded(value: object) -> TypeGuard[int]:
        return isinstance(value, int)

    @pipe
    def narrowed(value: object) -> TypeIs[int]:
        return isinstance(value, int)

    @pipe
    def negated(truth: bool) -> bool:
        return not truth

    for made in (guarded, narrowed):
        assert ports_of(made >> negated) == Ports(object, bool)


def test_items_of_a_union_of_lists() -> None:
    @flat_pipe
    def loose(line: str) -> Union[list[int], list[Any]]:
        return [line]

    @flat_pipe
    def marked(line: str) -> Union[list[int], list[SHAPE]]:
        return [1]

    @flat_pipe
    def empty(line: str) -> Union[tuple[()], list[int]]:
        return ()

    assert ports_of(loose) == ports_of(marked) == ports_of(empty) == Ports(str, Any)
