"""`>>`, `&`, `branch`, `route`: what fits, what is refused when it is written, and what comes of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_pipes import add, parse, twice
from typing_extensions import TypeIs

from rivusio_core import (
    CompositionError,
    ConfigError,
    DefinitionError,
    Pipeline,
    SyncBasePipe,
    batch,
    branch,
    keep,
    not_none,
    pipe,
    route,
    unbatch,
)
from rivusio_core.branch import Branch
from rivusio_core.cardinality import cardinality, not_one_to_one
from rivusio_core.ports import Ports, ports_of
from rivusio_core.route import Route


@pipe
def show(value: object) -> str:
    return str(value)


@pipe
def of_text_or_number(value: int | str) -> str:
    return str(value)


@pipe
def of_text_or_bytes(value: str | bytes) -> bool:
    return True


@pipe
def scaled(value: int, *, factor: int) -> int:
    return value * factor


@pipe
def nothing_or_number(line: str) -> int | None:
    return None


class Half(SyncBasePipe[int, float]):
    def process(self, item: int) -> float:
        return item / 2


def is_even(value: int) -> bool:
    return value % 2 == 0


def is_text(value: int | str) -> TypeIs[str]:
    return isinstance(value, str)


def is_bytes(value: object) -> TypeIs[bytes]:
    return isinstance(value, bytes)


# --------------------------------------------------------------------------------------------------- pipelines


def test_steps_are_flat_and_in_order() -> None:
    pipeline = (parse >> add) >> (add(amount=2) >> Half())
    assert pipeline.steps == (parse, add, add(amount=2), Half())
    assert ports_of(pipeline) == Ports(str, float)


@given(st.lists(st.sampled_from([add, add(amount=2), twice]), min_size=3, max_size=6), st.data())
def test_brackets_make_no_difference(pipes: "list[Pipeline[int, int]]", data: st.DataObject) -> None:
    def bracketed(some: "list[Pipeline[int, int]]") -> "Pipeline[int, int]":
        if len(some) == 1:
            return some[0]
        cut = data.draw(st.integers(1, len(some) - 1))
        return bracketed(some[:cut]) >> bracketed(some[cut:])

    flat = pipes[0]
    for each in pipes[1:]:
        flat = flat >> each
    other = bracketed(pipes)
    assert other == flat
    assert hash(other) == hash(flat)
    assert ports_of(other) == ports_of(flat)


def test_a_mistake_at_the_far_end_is_found() -> None:
    with pytest.raises(CompositionError, match=r"'Half' gives float but 'add' takes int: in Half >> add\."):
        (parse >> Half()) >> (add >> show)


def test_the_name_of_a_step_is_in_the_message() -> None:
    with pytest.raises(CompositionError, match="'first' gives int but 'second' takes str"):
        parse.with_options(name="first") >> parse.with_options(name="second")


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (str.upper, r"upper is no pipe; decorate the function with @pipe"),
        (lambda value: value, r"is no pipe; decorate the function with @pipe"),
        (Half, r"Half is a class of pipes; make one: Half\(\.\.\.\)"),
        (3, r"int is no pipe"),
        (None, r"NoneType is no pipe"),
    ],
)
def test_what_is_no_pipe(other: object, message: str) -> None:
    with pytest.raises(CompositionError, match=message):
        parse >> other  # type: ignore[operator]
    with pytest.raises(CompositionError, match=message):
        branch(parse, other)  # type: ignore[call-overload]
    with pytest.raises(CompositionError, match=message):
        route((is_even, other), otherwise=add)  # type: ignore[call-overload]
    with pytest.raises(CompositionError, match=message):
        batch(2) >> other  # type: ignore[operator]


def test_a_missing_setting_is_refused_when_composed() -> None:
    with pytest.raises(ConfigError, match="factor"):
        parse >> scaled
    with pytest.raises(ConfigError, match="factor"):
        branch(scaled, add)
    assert (parse >> scaled(factor=2)).run("2") == 4


# ------------------------------------------------------------------------------------------------------ shapes


def test_shapes_take_their_type_from_the_left() -> None:
    assert ports_of(parse >> batch(2)) == Ports(str, list[int])
    assert ports_of(parse >> batch(2) >> batch(3) >> unbatch()) == Ports(str, list[int])
    assert ports_of(nothing_or_number >> not_none() >> keep(is_even)) == Ports(str, int)
    assert ports_of(parse >> keep(is_even) >> Half()) == Ports(str, float)


def test_shapes_at_the_head_take_it_from_the_right() -> None:
    assert ports_of(keep(is_even) >> Half()) == Ports(int, float)
    assert ports_of(not_none() >> Half()) == Ports(int | None, float)
    assert ports_of(unbatch() >> Half()).gives is float


def test_two_shapes_alone_are_refused() -> None:
    with pytest.raises(TypeError):
        batch(2) >> unbatch()  # type: ignore[operator]


def test_a_predicate_of_another_type() -> None:
    with pytest.raises(CompositionError, match=r"'show' gives str but 'keep\(is_even\)' takes int"):
        show >> keep(is_even)
    with pytest.raises(CompositionError, match="not_none"):
        nothing_or_number >> keep(is_even)


# ------------------------------------------------------------------------------------------------ branch, route


def test_branch_is_flat_and_ampersand_nests() -> None:
    assert ports_of(branch(add, Half(), show)) == Ports(int, tuple[int, float, str])
    assert ports_of(add & Half() & show) == Ports(int, tuple[tuple[int, float], str])
    assert branch(add, Half()) == add & Half()
    assert branch(add, Half(), show) != add & Half() & show


def test_parts_of_a_branch() -> None:
    made = branch(add, parse_and_back := show >> parse, Half())
    (step,) = made.steps
    assert isinstance(step, Branch)
    assert step.parts == (add, parse_and_back, Half())
    assert cardinality(made) == "one"


def test_a_branch_takes_what_fits_all_sides() -> None:
    assert ports_of(show & add).takes is int
    assert ports_of(add & show).takes is int
    assert ports_of(branch(show, show)).takes is object
    assert ports_of(of_text_or_number & of_text_or_bytes).takes is str
    with pytest.raises(CompositionError, match="'parse' takes str but 'Half' takes int: no item fits"):
        branch(show, parse, Half())


@pytest.mark.parametrize("loose", [twice, parse_keep := (show >> parse >> keep(is_even))], ids=["flat", "filter"])
def test_a_branch_is_of_one_to_one_pipes(loose: "Pipeline[int, int]") -> None:
    with pytest.raises(CompositionError, match=r"'(twice|keep\(is_even\))' may give none or several"):
        branch(add, loose)
    with pytest.raises(CompositionError, match="before or after the branch"):
        loose & add


@pytest.mark.parametrize("count", [0, 1, 6])
def test_how_many_sides(count: int) -> None:
    with pytest.raises(CompositionError, match=f"takes 2 to 5 pipes, not {count}"):
        branch(*[add] * count)  # type: ignore[call-overload]


def test_a_route_takes_what_fits_all_arms() -> None:
    made = route((is_even, Half()), (is_even, show), otherwise=add)
    assert ports_of(made) == Ports(int, float | str | int)
    (step,) = made.steps
    assert isinstance(step, Route)
    assert step.arms == ((is_even, Half()), (is_even, show))
    assert step.otherwise == add
    with pytest.raises(CompositionError, match="no item fits both sides of this route"):
        route((is_even, parse), otherwise=parse)
    with pytest.raises(CompositionError, match="no item fits both sides of this route"):
        route((is_even, add), otherwise=parse)


def test_a_route_that_narrows_takes_all_of_its_types() -> None:
    assert ports_of(route((is_text, parse), otherwise=add)) == Ports(str | int, int)
    with pytest.raises(CompositionError, match="'is_text' gives str but 'Half' takes int"):
        route((is_text, Half()), otherwise=Half())


def test_the_first_predicate_sees_what_the_others_take() -> None:
    with pytest.raises(CompositionError, match="'is_text' takes"):
        route((is_text, parse), (is_bytes, show), otherwise=add)
    assert ports_of(route((is_bytes, show), (is_text, parse), otherwise=add)).takes == bytes | str | int


def test_arms_of_a_route() -> None:
    with pytest.raises(CompositionError, match="1 to 4 arms"):
        route(otherwise=add)  # type: ignore[call-overload]
    with pytest.raises(CompositionError, match="1 to 4 arms"):
        route(*[(is_even, add)] * 5, otherwise=add)  # type: ignore[call-overload]
    with pytest.raises(CompositionError, match="batch cannot stand inside a route"):
        route((is_even, add >> batch(2)), otherwise=add)


async def aeven(value: int) -> bool:
    return value % 2 == 0


def no_item() -> bool:
    return True


@pytest.mark.parametrize(
    ("predicate", "message"),
    [
        (aeven, "'aeven' is a coroutine function"),
        (no_item, "cannot be called with one item"),
        (3, "not int"),
        (add, "is a pipe"),
    ],
)
def test_predicates_of_a_route(predicate: object, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        route((predicate, add), otherwise=add)  # type: ignore[call-overload]


# ------------------------------------------------------------------------------------------------- cardinality


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (parse, "one"),
        (parse >> add & show, "one"),
        (parse >> keep(is_even) >> add, "filter"),
        (nothing_or_number >> not_none(), "filter"),
        (parse >> twice >> keep(is_even), "flat"),
        (parse >> batch(2), "batch"),
        (parse >> batch(2) >> unbatch(), "batch"),
        (route((is_even, add), otherwise=add), "one"),
        (route((is_even, add >> keep(is_even)), otherwise=add), "filter"),
        (route((is_even, add), otherwise=twice), "flat"),
    ],
    ids=repr,
)
def test_cardinality(made: "Pipeline[str, int]", expected: str) -> None:
    assert cardinality(made) == expected
    culprit = not_one_to_one(made)
    assert (culprit is None) == (expected == "one")


def test_the_first_step_that_is_not_one_to_one() -> None:
    assert not_one_to_one(parse >> add >> twice >> keep(is_even)) == twice
