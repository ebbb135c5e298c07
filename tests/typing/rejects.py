"""What mypy --strict and pyright --strict must refuse, each mistake in a function of its own.

The expression of a mistake stands in `assert [...]`, which uses it and gives no name to what a checker does not know.
A line that ends in `# mypy: <code>; pyright: <rule>` must be refused by both with these; every other line must pass.
`check_rejects.py` holds the checkers to it; `test_runtime.py` calls the functions and sees the mistakes refused at run
time too, but for a few that only checkers can see, which it lists.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Annotated, NewType, TypedDict

from pydantic import Field
from rivusio_core import (
    AsyncBasePipe,
    BasePipe,
    Parallel,
    PipeOptions,
    Retry,
    SyncBasePipe,
    batch,
    branch,
    flat_pipe,
    keep,
    not_none,
    pipe,
    route,
    state,
    unbatch,
)
from typing_extensions import TypeIs


class Animal: ...


class Dog(Animal): ...


class Cat(Animal): ...


class Order:
    amount: float = 1.0


class Enriched(Order):
    region: str = "eu"


class Row(TypedDict):
    key: int


class OtherRow(TypedDict):
    name: str


UserId = NewType("UserId", int)


@pipe
def parse(line: str) -> Order:
    return Order()


@pipe
def find(line: str) -> Order | None:
    return None


@pipe
def enrich(order: Order, *, region: str = "eu") -> Enriched:
    return Enriched()


@pipe
async def fetch(order: Order, *, url: str) -> Enriched:
    return Enriched()


@pipe
def number(line: str) -> int:
    return int(line)


@pipe
def half(value: float) -> float:
    return value / 2


@pipe
def double(value: int) -> int:
    return value * 2


@pipe
def shout(text: str) -> str:
    return text.upper()


@pipe
def number_or_text(line: str) -> int | str:
    return line


@pipe
def numbers(line: str) -> list[int]:
    return [1]


@pipe
def total(values: list[float]) -> float:
    return sum(values)


@pipe
def largest(values: Sequence[int]) -> int:
    return max(values)


@pipe
def pair(line: str) -> tuple[int, str]:
    return 1, line


@pipe
def swapped(value: tuple[str, int]) -> str:
    return value[0]


@pipe
def table(line: str) -> dict[str, int]:
    return {}


@pipe
def by_number(value: dict[int, int]) -> int:
    return 1


@pipe
def row(line: str) -> Row:
    return Row(key=1)


@pipe
def other_row(value: OtherRow) -> str:
    return value["name"]


@pipe
def of_user(value: UserId) -> str:
    return str(value)


@pipe
def animal(line: str) -> Animal:
    return Dog()


@pipe
def feed_dog(value: Dog) -> int:
    return 1


@pipe
def feed_cat(value: Cat) -> float:
    return 1.0


@flat_pipe
def words(line: str) -> Iterator[str]:
    yield from line.split()


async def read() -> AsyncIterator[str]:
    yield "1"


class Discount(SyncBasePipe[Enriched, Enriched]):
    rate: Annotated[float, Field(ge=0, le=1)] = 0.1

    def process(self, item: Enriched) -> Enriched:
        return item


class Lookup(AsyncBasePipe[Order, Enriched]):
    url: str
    client: object = state()

    async def process(self, item: Order) -> Enriched:
        return Enriched()


def is_large(order: Order) -> bool:
    return order.amount > 1


def is_dog(value: Animal) -> TypeIs[Dog]:
    return isinstance(value, Dog)


def is_long(line: str) -> bool:
    return len(line) > 1


# --------------------------------------------------------------------------------------------------- neighbours


def wrong_neighbour() -> None:
    assert [parse >> shout]  # mypy: operator; pyright: reportOperatorIssue


def wrong_neighbour_of_a_pipeline() -> None:
    assert [parse >> enrich(region="us") >> shout]  # mypy: operator; pyright: reportOperatorIssue


def wrong_pipeline() -> None:
    after = shout >> number
    assert [parse >> after]  # mypy: operator; pyright: reportOperatorIssue


def wrong_neighbour_of_a_class() -> None:
    assert [parse >> Discount(rate=0.2)]  # mypy: operator; pyright: reportOperatorIssue


def wrong_neighbour_of_a_coroutine() -> None:
    assert [number >> fetch(url="x")]  # mypy: operator; pyright: reportOperatorIssue


def optional_into_plain() -> None:
    assert [find >> enrich]  # mypy: operator; pyright: reportOperatorIssue


def union_into_narrower() -> None:
    assert [number_or_text >> double]  # mypy: operator; pyright: reportOperatorIssue


def wider_class_into_narrower() -> None:
    assert [animal >> feed_dog]  # mypy: operator; pyright: reportOperatorIssue


def float_into_int() -> None:
    assert [number >> half >> double]  # mypy: operator; pyright: reportOperatorIssue


def invariant_argument() -> None:
    assert [numbers >> total]  # mypy: operator; pyright: reportOperatorIssue


def tuple_of_other_order() -> None:
    assert [pair >> swapped]  # mypy: operator; pyright: reportOperatorIssue


def dict_of_other_keys() -> None:
    assert [table >> by_number]  # mypy: operator; pyright: reportOperatorIssue


def other_typed_dict() -> None:
    assert [row >> other_row]  # mypy: operator; pyright: reportOperatorIssue


def plain_int_for_new_type() -> None:
    assert [number >> of_user]  # mypy: operator; pyright: reportOperatorIssue


def list_into_item() -> None:
    assert [numbers >> double]  # mypy: operator; pyright: reportOperatorIssue


def generator_item() -> None:
    assert [words >> double]  # mypy: operator; pyright: reportOperatorIssue


def bare_function() -> None:
    assert [parse >> is_large]  # mypy: operator; pyright: reportOperatorIssue


def class_instead_of_value() -> None:
    assert [parse >> enrich >> Discount]  # mypy: operator; pyright: reportOperatorIssue


# ----------------------------------------------------------------------------------------------------- variance


def takes_less_than_asked() -> None:
    _: BasePipe[Animal, int] = feed_dog  # mypy: assignment; pyright: reportAssignmentType


def gives_more_than_asked() -> None:
    _: BasePipe[str, Dog] = animal  # mypy: assignment; pyright: reportAssignmentType


# ------------------------------------------------------------------------------------------------ configuration


def misspelled_setting() -> None:
    assert [enrich(regoin="us")]  # mypy: call-arg; pyright: reportCallIssue


def mistyped_setting() -> None:
    assert [enrich(region=1)]  # mypy: arg-type; pyright: reportArgumentType


def missing_setting() -> None:
    assert [fetch()]  # mypy: call-arg; pyright: reportCallIssue


def positional_setting() -> None:
    assert [enrich("us")]  # mypy: call-arg; pyright: reportCallIssue


def called_with_an_item() -> None:
    assert [number("1")]  # mypy: call-arg; pyright: reportCallIssue


def misspelled_setting_of_a_class() -> None:
    assert [Discount(rat=0.2)]  # mypy: call-arg; pyright: reportCallIssue


def mistyped_setting_of_a_class() -> None:
    assert [Discount(rate="much")]  # mypy: arg-type; pyright: reportArgumentType


def missing_setting_of_a_class() -> None:
    assert [Lookup()]  # mypy: call-arg; pyright: reportCallIssue


def positional_setting_of_a_class() -> None:
    assert [Discount(0.2)]  # mypy: call-arg; pyright: reportCallIssue


def state_as_setting() -> None:
    assert [Lookup(url="x", client=object())]  # mypy: call-arg; pyright: reportCallIssue


def misspelled_attribute() -> None:
    assert [Discount().rat]  # mypy: attr-defined; pyright: reportAttributeAccessIssue, reportUnknownMemberType


# ------------------------------------------------------------------------------------------------------ options


def misspelled_option() -> None:
    assert [pipe(concurency=2)]  # mypy: call-overload; pyright: reportCallIssue


def misspelled_treatment() -> None:
    assert [pipe(on_error="dead-letter")]  # mypy: call-overload; pyright: reportArgumentType


def mistyped_option_of_a_generator() -> None:
    assert [flat_pipe(concurrency="2")]  # mypy: call-overload; pyright: reportArgumentType


def misspelled_option_afterwards() -> None:
    assert [parse.with_options(concurency=2)]  # mypy: call-arg; pyright: reportCallIssue


def misspelled_treatment_afterwards() -> None:
    assert [parse.with_options(on_error="drop")]  # mypy: arg-type; pyright: reportArgumentType


def misspelled_option_in_a_class() -> None:
    assert [PipeOptions(concurency=2)]  # mypy: call-arg; pyright: reportCallIssue


def misspelled_treatment_in_a_class() -> None:
    assert [PipeOptions(on_error="ignore")]  # mypy: arg-type; pyright: reportArgumentType


def misspelled_retry() -> None:
    assert [Retry(attemps=3)]  # mypy: call-arg; pyright: reportCallIssue


# ------------------------------------------------------------------------------------------------------- shapes


def keep_of_another_type() -> None:
    assert [number >> keep(is_large)]  # mypy: operator; pyright: reportOperatorIssue


def keep_before_not_none() -> None:
    assert [find >> keep(is_large)]  # mypy: operator; pyright: reportOperatorIssue


def keep_stays_what_it_was() -> None:
    assert [parse >> keep(is_large) >> Discount()]  # mypy: operator; pyright: reportOperatorIssue


def keep_narrows() -> None:
    assert [animal >> keep(is_dog) >> feed_cat]  # mypy: operator; pyright: reportOperatorIssue


def narrowing_of_another_type() -> None:
    assert [number >> keep(is_dog)]  # mypy: operator; pyright: reportOperatorIssue


def keep_without_bool() -> None:
    assert [keep(enrich.settings)]  # mypy: arg-type; pyright: reportArgumentType, reportCallIssue


def keep_of_a_pipe() -> None:
    assert [keep(half)]  # mypy: arg-type; pyright: reportArgumentType, reportCallIssue


def not_none_leaves_the_rest() -> None:
    assert [find >> not_none() >> double]  # mypy: operator; pyright: reportOperatorIssue


def batch_into_item() -> None:
    assert [number >> batch(2) >> double]  # mypy: operator; pyright: reportOperatorIssue


def batch_of_another_type() -> None:
    assert [shout >> batch(2) >> largest]  # mypy: operator; pyright: reportOperatorIssue


def batch_of_text() -> None:
    assert [number >> batch("2")]  # mypy: arg-type; pyright: reportArgumentType


def unbatch_of_an_item() -> None:
    assert [number >> unbatch()]  # mypy: operator; pyright: reportOperatorIssue


def unbatch_of_another_type() -> None:
    assert [numbers >> unbatch() >> shout]  # mypy: operator; pyright: reportOperatorIssue


def shape_first_of_another_type() -> None:
    assert [number >> (batch(2) >> total >> shout)]  # mypy: operator; pyright: reportOperatorIssue


def batch_before_an_item() -> None:
    assert [batch(2) >> double]  # mypy: operator; pyright: reportOperatorIssue


def keep_first_of_another_type() -> None:
    assert [keep(is_large) >> double]  # mypy: operator; pyright: reportOperatorIssue


def two_shapes_first() -> None:
    assert [batch(2) >> unbatch()]  # mypy: operator; pyright: reportOperatorIssue


def running_a_shape() -> None:
    assert [batch(2).run(1)]  # mypy: attr-defined; pyright: reportAttributeAccessIssue, reportUnknownMemberType


# -------------------------------------------------------------------------------------------- branch and route


def branch_of_different_items() -> None:
    assert [shout & double]  # mypy: operator; pyright: reportOperatorIssue


def branch_after_another_type() -> None:
    assert [number >> (shout & words)]  # mypy: operator; pyright: reportOperatorIssue


def result_of_a_branch() -> None:
    assert [parse >> (enrich & enrich) >> Discount()]  # mypy: operator; pyright: reportOperatorIssue


def result_of_a_nested_branch() -> None:
    assert [(shout & number & shout) >> swapped]  # mypy: operator; pyright: reportOperatorIssue


def branch_of_one() -> None:
    assert [branch(shout)]  # mypy: call-overload; pyright: reportCallIssue


def branch_of_six() -> None:
    assert [branch(shout, shout, shout, shout, shout, shout)]  # mypy: call-overload; pyright: reportCallIssue


def branch_of_a_shape() -> None:
    assert [branch(shout, not_none())]  # mypy: call-overload; pyright: reportArgumentType


def route_without_otherwise() -> None:
    assert [route((is_large, enrich))]  # mypy: call-overload; pyright: reportCallIssue


def route_without_arms() -> None:
    assert [route(otherwise=enrich)]  # mypy: call-overload; pyright: reportCallIssue


def route_with_another_predicate() -> None:
    assert [route((is_long, enrich), otherwise=enrich)]  # mypy: arg-type; pyright: reportArgumentType, reportCallIssue


def route_with_another_otherwise() -> None:
    assert [route((is_large, enrich), otherwise=shout)]  # mypy: arg-type; pyright: reportArgumentType, reportCallIssue


def route_narrowing_to_another_type() -> None:
    assert [animal >> route((is_dog, feed_cat), otherwise=feed_cat)]  # mypy: misc; pyright: reportOperatorIssue


def route_of_a_wider_type() -> None:
    assert [animal >> route((is_dog, feed_dog), otherwise=feed_cat)]  # mypy: operator; pyright: reportOperatorIssue


def result_of_a_route() -> None:
    assert [route((is_dog, feed_dog), otherwise=feed_cat) >> double]  # mypy: operator; pyright: reportOperatorIssue


# --------------------------------------------------------------------------------------- decorators and classes


def generator_under_pipe() -> None:
    @pipe
    def split(line: str) -> Iterator[str]:
        yield from line.split()

    assert [split >> shout]  # mypy: operator; pyright: reportOperatorIssue


def plain_function_under_flat_pipe() -> None:
    def length(line: str) -> int:
        return len(line)

    assert [flat_pipe(length)]  # mypy: arg-type; pyright: reportArgumentType, reportCallIssue


def function_without_item() -> None:
    def one() -> int:
        return 1

    assert [pipe(one)]  # mypy: arg-type; pyright: reportArgumentType, reportCallIssue


def two_items() -> None:
    @pipe
    def add(one: int, two: int) -> int:
        return one + two

    assert [add()]  # mypy: call-arg; pyright: reportCallIssue


def process_of_another_type() -> None:
    class Wrong(SyncBasePipe[str, int]):
        def process(self, item: str) -> str:  # mypy: override; pyright: reportIncompatibleMethodOverride
            return item

    _ = Wrong()


def process_missing() -> None:
    class Wrong(SyncBasePipe[str, int]): ...

    assert [Wrong()]  # mypy: abstract; pyright: reportAbstractUsage


def changed_setting() -> None:
    discount = Discount()
    discount.rate = "much"  # mypy: assignment; pyright: reportAttributeAccessIssue


# ------------------------------------------------------------------------------------------------------ running


def item_of_another_type() -> None:
    assert [parse.run(1)]  # mypy: arg-type; pyright: reportArgumentType


def items_of_another_type() -> None:
    assert [parse.map([1, 2])]  # mypy: list-item; pyright: reportArgumentType


def items_not_iterable() -> None:
    assert [number.map(1)]  # mypy: arg-type; pyright: reportArgumentType


def async_items_for_map() -> None:
    assert [number.map(read())]  # mypy: arg-type; pyright: reportArgumentType


def result_used_wrongly() -> None:
    _: str = (parse >> enrich).run("1")  # mypy: assignment; pyright: reportAssignmentType


def results_used_wrongly() -> None:
    _: Iterator[str] = number.map(["1"])  # mypy: assignment; pyright: reportAssignmentType


def not_awaited() -> None:
    _: int = number.arun("1")  # mypy: assignment; pyright: reportAssignmentType


def misspelled_run_setting() -> None:
    assert [number.map(["1"], paralel=None)]  # mypy: call-arg; pyright: reportCallIssue


def mistyped_run_setting() -> None:
    assert [number.map(["1"], parallel=4)]  # mypy: arg-type; pyright: reportArgumentType


def misspelled_kind() -> None:
    assert [Parallel(kind="threads", workers=2)]  # mypy: arg-type; pyright: reportArgumentType


def misspelled_workers() -> None:
    assert [Parallel(kind="thread", worker=2)]  # mypy: call-arg; pyright: reportCallIssue


def mistyped_workers() -> None:
    assert [Parallel(kind="thread", workers="2")]  # mypy: arg-type; pyright: reportArgumentType


def positional_parallel() -> None:
    assert [Parallel("thread", 2)]  # mypy: call-arg; pyright: reportCallIssue
