"""`ports`: the run-time types of pipes, and which of them fit."""
# ruff: noqa: UP007, UP045  # both spellings of a union are different things at run time

import functools
import re
import sys
import typing
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    NewType,
    Optional,
    Protocol,
    TypedDict,
    TypeVar,
    Union,
    runtime_checkable,
)

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from typing_extensions import TypeAliasType, TypeIs

from rivusio_core import (
    AsyncBasePipe,
    CompositionError,
    FlatPipe,
    SyncBasePipe,
    branch,
    flat_pipe,
    keep,
    pipe,
    route,
)
from rivusio_core.hints.assign import assignable
from rivusio_core.hints.forms import variable
from rivusio_core.hints.generics import arguments_as, item_type
from rivusio_core.hints.text import type_text
from rivusio_core.ports import Ports, connect, ports_of, unknown_ports

T = TypeVar("T")
S = TypeVar("S")


class Animal: ...


class Dog(Animal): ...


class Item(BaseModel):
    name: str = ""


class Page(BaseModel, Generic[T]):
    rows: list[T]


class Box(Generic[T]): ...


class Dogs(list[Dog]): ...


class ByName(dict[str, T]): ...


class Loop:
    def __iter__(self) -> Iterator[int]:
        return iter([1])


# ----------------------------------------------------------------------------------------------- types of pipes


@pipe
def letters_of(number: int) -> str:
    return str(number)


@pipe
def plain(line: str) -> int:
    return 1


@pipe
async def coroutine(line: str) -> Optional[int]:
    return 1


@pipe
def configured(line: "str", *, scale: float = 1.0) -> "dict[str, Item]":
    return {}


@pipe
def annotated(line: Annotated[str, "a line"]) -> Annotated[int, "a number"]:
    return 1


@pipe
def half_written(line) -> int:  # type: ignore[no-untyped-def]
    return 1


@pipe
def unknown_name(line: "Missing") -> int:  # type: ignore[name-defined]  # noqa: F821
    return 1


@pipe
def nothing(line: str) -> None: ...


@flat_pipe
def iterator(line: str) -> Iterator[int]:
    yield 1


@flat_pipe
async def async_iterator(line: str) -> AsyncIterator[int]:
    yield 1


@flat_pipe
def generator(line: str) -> typing.Generator[int, None, str]:
    yield 1
    return ""


@flat_pipe
def listing(line: str) -> list[int]:
    return [1]


@flat_pipe
def table(line: str) -> dict[str, int]:
    return {}


@flat_pipe
def couple(line: str) -> tuple[int, str]:
    return 1, ""


@flat_pipe
def own_class(line: str) -> Dogs:
    return Dogs()


@flat_pipe
def own_iter(line: str) -> Loop:
    return Loop()


@flat_pipe
def letters(line: str) -> str:
    return line


class Simple(SyncBasePipe[str, int]):
    def process(self, item: str) -> int:
        return 1


class Derived(Simple): ...


class Later(AsyncBasePipe["Unborn", "list[Unborn]"]):
    async def process(self, item: "Unborn") -> "list[Unborn]":
        return [item]


class Unborn: ...


class Tagged(SyncBasePipe[T, tuple[str, T]]):
    def process(self, item: T) -> tuple[str, T]:
        return "", item


class TaggedItem(Tagged[Item]): ...


class Swapped(FlatPipe[dict[T, S], dict[S, T]], Generic[S, T]):
    def process(self, item: dict[T, S]) -> Iterator[dict[S, T]]:
        yield {}


class OfInt(Swapped[str, int]): ...


class Bare(SyncBasePipe):  # type: ignore[type-arg]
    def process(self, item: object) -> object:
        return item


class Missing2(SyncBasePipe["Nowhere", int]):  # type: ignore[name-defined]
    def process(self, item: Any) -> int:
        return 1


@pytest.mark.parametrize(
    ("made", "takes", "gives"),
    [
        (plain, str, int),
        (coroutine, str, Optional[int]),
        (configured(scale=2), str, dict[str, Item]),
        (annotated, Annotated[str, "a line"], Annotated[int, "a number"]),
        (half_written, Any, int),
        (unknown_name, Any, int),
        (nothing, str, type(None)),
        (iterator, str, int),
        (async_iterator, str, int),
        (generator, str, int),
        (listing, str, int),
        (table, str, str),
        (couple, str, Union[int, str]),
        (own_class, str, Dog),
        (own_iter, str, Any),
        (letters, str, str),
        (Simple(), str, int),
        (Derived(), str, int),
        (Later(), Unborn, list[Unborn]),
        (Tagged[int](), int, tuple[str, int]),
        (Tagged(), Any, tuple[str, Any]),
        (TaggedItem(), Item, tuple[str, Item]),
        (OfInt(), dict[int, str], dict[str, int]),
        (Bare(), Any, Any),
        (Missing2(), Any, int),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_types_of_a_pipe(made: SyncBasePipe[Any, Any], takes: object, gives: object) -> None:
    assert ports_of(made) == Ports(takes, gives)


def test_a_class_inside_a_function_is_found_where_the_function_uses_it() -> None:
    class Local: ...

    @pipe
    def seen(line: str) -> "Local":
        return Local()

    @pipe
    def unseen(line: "Local") -> str:
        return ""

    assert ports_of(seen) == Ports(str, Local)
    assert ports_of(unseen) == Ports(Any, str)


def test_one_unknown_name_does_not_hide_the_others() -> None:
    assert unknown_ports(unknown_name) == ["unknown_name takes"]


def test_unknown_ports_of_everything_inside() -> None:
    whole = (
        plain
        >> half_written
        >> letters_of
        >> branch(unknown_name, route((callable, half_written), otherwise=configured))
    )
    assert unknown_ports(whole) == ["half_written takes", "unknown_name takes", "half_written takes"]
    assert unknown_ports(plain >> keep(bool)) == []


def test_types_survive_options_and_copies() -> None:
    assert ports_of(Tagged[int]().with_options(name="x")) == Ports(int, tuple[str, int])
    assert ports_of(plain.with_options(concurrency=1)) == Ports(str, int)


# ------------------------------------------------------------------------------------------------- predicates


def test_keep_takes_what_its_predicate_takes() -> None:
    def large(number: float) -> bool:
        return number > 1

    def is_int(value: object) -> TypeIs[int]:
        return isinstance(value, int)

    class Near:
        def __call__(self, number: int) -> bool:
            return number < 1

        def method(self, number: int) -> bool:
            return number < 1

    def between(low: float, number: float) -> bool:
        return low < number

    assert ports_of(plain >> keep(large)) == Ports(str, int)
    assert ports_of(plain >> keep(is_int)) == Ports(str, int)
    assert ports_of(plain >> keep(lambda number: number > 1)) == Ports(str, int)
    assert ports_of(plain >> keep(functools.partial(between, 1.0))) == Ports(str, int)
    for predicate in (Near(), Near().method):
        assert ports_of(plain >> keep(predicate)) == Ports(str, int)
        with pytest.raises(CompositionError, match=r"takes int"):
            listing_of_text >> keep(predicate)


@pipe
def listing_of_text(line: str) -> list[str]:
    return [line]


# -------------------------------------------------------------------------------------------------- composition


def test_the_message_names_both_pipes_and_both_types() -> None:
    with pytest.raises(CompositionError) as caught:
        connect("parse", Ports(str, Item), "shout", Ports(str, str))
    assert str(caught.value) == (
        "'parse' gives Item but 'shout' takes str: in parse >> shout. Put a pipe between that turns Item into str"
    )
    error = caught.value
    assert (error.left, error.right, error.gives, error.takes) == ("parse", "shout", "Item", "str")
    assert isinstance(error, TypeError)


@pytest.mark.parametrize(
    ("gives", "takes", "advice"),
    [
        (Optional[int], int, "Leave out what is missing: a >> not_none() >> b"),
        (Union[int, str, None], Union[str, int], "a >> not_none() >> b"),
        (Union[int, str], int, "with a predicate that returns TypeIs[int]: a >> keep(...) >> b"),
        (list[int], int, "Give its members one by one: a >> unbatch() >> b"),
        (Iterable[int], float, "a >> unbatch() >> b"),
        (Dogs, Animal, "a >> unbatch() >> b"),
        (int, list[int], "Collect items into lists: a >> batch(n) >> b"),
        (int, Sequence[float], "a >> batch(n) >> b"),
        (str, int, "turns str into int"),
        (str, list[int], "turns str into list[int]"),
    ],
)
def test_the_message_says_what_may_help(gives: object, takes: object, advice: str) -> None:
    with pytest.raises(CompositionError) as caught:
        connect("a", Ports(str, gives), "b", Ports(takes, str))
    assert str(caught.value).endswith(advice)


def test_two_types_of_one_name_are_told_apart() -> None:
    other = type("Item", (), {"__module__": "elsewhere"})
    with pytest.raises(CompositionError, match=re.escape(f"gives {__name__}.Item but 'b' takes elsewhere.Item")):
        connect("a", Ports(str, Item), "b", Ports(other, str))


@pytest.mark.parametrize(
    ("left", "right", "result"),
    [
        (Ports(str, int), Ports(T, list[T]), Ports(str, list[int])),
        (Ports(str, list[int]), Ports(Iterable[T], T), Ports(str, int)),
        (Ports(str, Dogs), Ports(Iterable[T], T), Ports(str, Dog)),
        (Ports(str, str), Ports(Iterable[T], T), Ports(str, str)),
        (Ports(str, Optional[int]), Ports(Optional[T], T), Ports(str, int)),
        (Ports(str, int), Ports(Optional[T], T), Ports(str, int)),
        (Ports(str, Union[int, str, None]), Ports(Optional[T], T), Ports(str, Union[int, str])),
        (Ports(T, list[T]), Ports(list[int], str), Ports(int, str)),
        (Ports(T, list[T]), Ports(Sequence[float], str), Ports(float, str)),
        (Ports(T, T), Ports(T, list[T]), Ports(T, list[T])),
        (Ports(str, dict[str, int]), Ports(Mapping[S, T], tuple[T, S]), Ports(str, tuple[int, str])),
        (Ports(str, ByName[int]), Ports(Mapping[S, T], tuple[T, S]), Ports(str, tuple[int, str])),
        (Ports(str, Page[int]), Ports(Page[S], S), Ports(str, int)),
        (Ports(str, tuple[int, str]), Ports(tuple[S, T], T), Ports(str, str)),
    ],
    ids=str,
)
def test_type_variables_are_bound(left: Ports, right: Ports, result: Ports) -> None:
    made = connect("a", left, "b", right)
    assert type_text(made.takes) == type_text(result.takes)
    assert type_text(made.gives) == type_text(result.gives)


def test_equal_names_of_variables_on_both_sides_are_different_ones() -> None:
    made = connect("a", Ports(T, list[T]), "b", Ports(T, tuple[T, T]))
    inner = typing.get_args(made.gives)[0]
    assert inner == list[T]
    assert made.takes is T


def test_bounds_and_constraints() -> None:
    bounded, constrained = variable("B", bound=Animal), variable("C", int, str)
    assert connect("a", Ports(str, Dog), "b", Ports(bounded, bounded)) == Ports(str, Dog)
    assert connect("a", Ports(str, bool), "b", Ports(constrained, constrained)) == Ports(str, int)
    with pytest.raises(CompositionError):
        connect("a", Ports(str, int), "b", Ports(bounded, bounded))
    with pytest.raises(CompositionError):
        connect("a", Ports(str, float), "b", Ports(constrained, constrained))
    with pytest.raises(CompositionError):  # what is left open gives no more than its bound
        connect("a", Ports(bounded, bounded), "b", Ports(int, str))


# ------------------------------------------------------------------------------------------------ assignability

UserId = NewType("UserId", int)
Alias = TypeAliasType("Alias", Union[int, str])
Pair = TypeAliasType("Pair", tuple[T, T], type_params=(T,))


class Row(TypedDict):
    key: int


@runtime_checkable
class Closes(Protocol):
    def close(self) -> None: ...


class Closing:
    def close(self) -> None: ...


class Sized2(Protocol):
    size: int


YES: list[tuple[object, object]] = [
    (Any, int),
    (int, Any),
    (int, object),
    (bool, int),
    (int, float),
    (int, complex),
    (bool, float),
    (typing.NoReturn, int),
    (None, None),
    (None, Optional[int]),
    (int, Union[str, int]),
    (int | str, str | int | None),
    (Dog, Animal),
    (list[Dog], list[Dog]),
    (list[Any], list[int]),
    (list, list[int]),
    (list[int], list),
    (list[Dog], Sequence[Animal]),
    (typing.List[int], list[int]),  # noqa: UP006
    (Dogs, list[Dog]),
    (Dogs, Sequence[Animal]),
    (Loop, Iterable[str]),  # nobody knows what it gives
    (dict[str, Dog], Mapping[str, Animal]),
    (dict[str, int], Iterable[str]),
    (tuple[int, str], tuple[float, str]),
    (tuple[int, ...], tuple[float, ...]),
    (tuple[int, bool], tuple[int, ...]),
    (tuple[int, str], Sequence[Union[int, str]]),
    (str, Sequence[str]),
    (bytes, Iterable[int]),
    (type[Dog], type[Animal]),
    (Literal["a"], str),
    (Literal["a"], Literal["a", "b"]),
    (Literal["a", "b"], Union[Literal["a"], Literal["b"]]),
    (bool, Literal[True, False]),
    (Annotated[int, "x"], Annotated[float, "y"]),
    (UserId, int),
    (UserId, UserId),
    (Alias, Union[str, int]),
    (int, Alias),
    (Pair[int], tuple[int, int]),
    (Closing, Closes),
    (Animal, Sized2),  # not run-time checkable
    (Callable[[Animal], Dog], Callable[[Dog], Animal]),
    (Callable[..., int], Callable[[int], int]),
    (type[Dog], Callable[[], Dog]),
    (Row, Row),
    (Row, Mapping[str, object]),
    (Page[int], Page[int]),
    (Page[int], Page),
    (Page[int], BaseModel),
    (Box, Box[int]),
    ("Unknown", int),
    (int, Iterable[T] | int),
]

NO: list[tuple[object, object]] = [
    (object, int),
    (float, int),
    (complex, float),
    (int, bool),
    (str, int),
    (int, None),
    (None, int),
    (Optional[int], int),
    (int | str, int),
    (Animal, Dog),
    (list[Dog], list[Animal]),
    (list[int], list[str]),
    (list[int], Sequence[str]),
    (list[int], set[int]),
    (Sequence[int], list[int]),
    (Dogs, list[Animal]),
    (Dogs, Sequence[str]),
    (dict[str, int], dict[str, float]),
    (dict[str, int], Mapping[int, int]),
    (dict[str, int], Iterable[int]),
    (tuple[int, str], tuple[int]),
    (tuple[int, ...], tuple[int, int]),
    (tuple[int, str], Sequence[int]),
    (str, Sequence[int]),
    (type[Animal], type[Dog]),
    (str, Literal["a"]),
    (Literal["c"], Literal["a", "b"]),
    (Literal[1], Literal[True]),
    (Literal["a"], int),
    (bool, Literal[True]),
    (int, UserId),
    (float, Alias),
    (Pair[int], tuple[str, str]),
    (Animal, Closes),
    (Callable[[Dog], Dog], Callable[[Animal], Dog]),
    (Callable[[int], str], Callable[[int], int]),
    (Callable[[], int], Callable[[int], int]),
    (int, Callable[[], int]),
    (dict[str, int], Row),
    (Row, dict[str, int]),
    (Row, Mapping[str, int]),
    (Page[int], Page[str]),
    (Box[Dog], Box[Animal]),
    (Item, str),
]


@pytest.mark.parametrize(("source", "target"), YES, ids=type_text)
def test_fits(source: object, target: object) -> None:
    assert assignable(source, target)


@pytest.mark.parametrize(("source", "target"), NO, ids=type_text)
def test_does_not_fit(source: object, target: object) -> None:
    assert not assignable(source, target)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="PEP 695")
def test_inferred_variance_is_accepted_in_either_direction() -> None:
    space: dict[str, Any] = {}
    exec("class Holder[T]: ...\ntype Ids[T] = list[T] | None", space)  # the syntax is new
    holder, ids = space["Holder"], space["Ids"]
    assert assignable(holder[Dog], holder[Animal])
    assert assignable(holder[Animal], holder[Dog])
    assert not assignable(holder[int], holder[str])
    assert assignable(list[int], ids[int])
    assert not assignable(ids[int], list[int])


atoms: st.SearchStrategy[Any] = st.sampled_from([int, bool, float, str, type(None), object, Animal, Dog, Item])


def wider(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.builds(lambda one: list[one], inner),
        st.builds(lambda one: Sequence[one], inner),
        st.builds(lambda one, two: dict[one, two], atoms, inner),
        st.builds(lambda one, two: tuple[one, two], inner, inner),
        st.builds(lambda one: tuple[one, ...], inner),
        st.builds(lambda one, two: Union[one, two], inner, inner),
        st.builds(lambda one: Annotated[one, "note"], inner),
    )


forms = st.recursive(atoms, wider, max_leaves=5)


@given(forms)
def test_every_type_fits_itself_and_what_is_wider(form: Any) -> None:
    assert assignable(form, form)
    assert assignable(form, object)
    assert assignable(form, Optional[form])
    assert assignable(form, Union[form, Closing])
    assert assignable(list[form], Iterable[form])
    assert connect("a", Ports(str, form), "b", Ports(form, int)) == Ports(str, int)


@given(forms, forms, forms)
def test_what_fits_goes_on_fitting(one: Any, two: Any, three: Any) -> None:
    if assignable(one, two) and assignable(two, three):
        assert assignable(one, three)


@given(forms, forms)
def test_parts_fit_as_the_whole_does(one: Any, two: Any) -> None:
    fits = assignable(one, two)
    assert assignable(Sequence[one], Sequence[two]) == fits
    assert assignable(tuple[one, int], tuple[two, int]) == fits
    assert assignable(list[one], list[two]) == (fits and assignable(two, one))
    assert assignable(Union[one, two], two) == fits


@given(forms)
def test_a_variable_becomes_what_flows_in(form: Any) -> None:
    found = connect("a", Ports(str, form), "b", Ports(T, list[T])).gives
    assert type_text(found) == type_text(list[form])


@given(forms)
def test_text_can_be_read_back(form: Any) -> None:
    names = {"Sequence": Sequence, "Animal": Animal, "Dog": Dog, "Item": Item}
    read = eval(type_text(form), names)
    assert type_text(read) == type_text(form)
    assert assignable(read, form)
    assert assignable(form, read)


def test_texts() -> None:
    assert type_text(Callable[[int, str], None]) == "Callable[[int, str], None]"
    assert type_text(Callable[..., int]) == "Callable[..., int]"
    assert type_text(Literal["a", 1]) == "Literal['a', 1]"
    assert type_text(Optional[UserId]) == "UserId | None"
    assert type_text(Union[None, int]) == "int | None"
    assert type_text(Any) == "Any"
    assert type_text(tuple[int, ...]) == "tuple[int, ...]"
    assert type_text("Later") == "Later"
    assert type_text(Page[int]) == "Page[int]"
    assert type_text(T) == "T"
    assert type_text(variable("B", bound=Dog)) == "Dog"
    assert type_text(Item, modules=True) == f"{__name__}.Item"


def test_arguments_of_bases() -> None:
    assert arguments_as(Dogs, Iterable) == (Dog,)
    assert arguments_as(ByName[int], dict) == (str, int)
    assert arguments_as(int, list) is None
    assert item_type(Union[list[int], set[str]]) == Union[int, str]
    assert item_type(int) is None
    assert item_type(Any) is Any
