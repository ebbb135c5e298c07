"""What mypy --strict and pyright --strict must accept, with the types that they must find.

`test_runtime.py` runs it too: what checkers accept, composition at run time accepts.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Annotated, Any, Generic, NewType, Protocol, TypedDict, TypeGuard, TypeVar, assert_type

from pydantic import BaseModel, Field
from typing_extensions import TypeIs

from rivusio_core import (
    AsyncBasePipe,
    AsyncFlatPipe,
    BasePipe,
    FlatPipe,
    FunctionPipe,
    Parallel,
    Pipeline,
    PipeOptions,
    Retry,
    SyncBasePipe,
    Use,
    batch,
    branch,
    flat_pipe,
    keep,
    not_none,
    pipe,
    resource,
    route,
    state,
    unbatch,
)

T = TypeVar("T")


class Animal:
    age: int = 1


class Dog(Animal): ...


class Cat(Animal): ...


class Eel(Animal): ...


class Order(BaseModel):
    amount: float = 1


class Enriched(Order):
    region: str = "eu"


class Row(TypedDict):
    key: int


class Sized(Protocol):
    def size(self) -> int: ...


class Box:
    def size(self) -> int:
        return 1


UserId = NewType("UserId", int)


class Connection: ...


@resource(pool=2)
async def db() -> AsyncIterator[Connection]:
    yield Connection()


# ---------------------------------------------------------------------------------------------------- functions


@pipe
def parse(line: str) -> Order:
    return Order(amount=float(line))


@pipe(concurrency=32, timeout="2s", retry=Retry(attempts=5), on_error="dead_letter")
async def enrich(order: Order, *, region: str = "eu") -> Enriched:
    return Enriched(amount=order.amount, region=region)


@pipe
async def load(key: int, *, conn: Annotated[Connection, Use(db)] = state()) -> Row:
    return Row(key=key)


@pipe
def find(line: str) -> Order | None:
    return Order() if line else None


@pipe
def amount(order: Order) -> float:
    return order.amount


@pipe
def number(line: str) -> int:
    return int(line)


@pipe
def scale(value: float, *, factor: float, offset: float = 0.0) -> float:
    return value * factor + offset


@pipe
def total(values: Sequence[float]) -> float:
    return sum(values)


@pipe
def count(values: list[int]) -> int:
    return len(values)


@pipe
def show(value: object) -> str:
    return str(value)


@pipe
def number_or_text(line: str) -> int | str:
    return line


@pipe
def anything(value: int | str | None) -> str:
    return str(value)


@pipe
def missing_or(value: Order | None) -> float:
    return 0.0


@pipe
def tell_box(value: str) -> Box:
    return Box()


@pipe
def measure(value: Sized) -> int:
    return value.size()


@pipe
def user(line: str) -> UserId:
    return UserId(int(line))


@pipe
def double(value: int) -> int:
    return value * 2


@pipe
def row(value: int) -> Row:
    return Row(key=value)


@pipe
def row_key(value: Row) -> int:
    return value["key"]


@flat_pipe
def words(line: str) -> Iterator[str]:
    yield from line.split()


@flat_pipe
def digits(line: str) -> list[int]:
    return [int(digit) for digit in line]


@flat_pipe(concurrency=4)
async def pages(line: str) -> AsyncIterator[Order]:
    yield Order(amount=float(line))


def functions() -> None:
    assert_type(parse >> enrich, Pipeline[str, Enriched])
    assert_type(parse >> enrich(region="us"), Pipeline[str, Enriched])
    assert_type(enrich(region="us"), BasePipe[Order, Enriched])
    assert_type(parse >> amount >> scale(factor=2), Pipeline[str, float])
    assert_type(number >> load, Pipeline[str, Row])
    assert_type(number >> load(), Pipeline[str, Row])
    assert_type(parse.with_options(concurrency=2, on_error="skip", name="p") >> amount, Pipeline[str, float])
    assert_type((parse >> amount).with_options(name="p"), Pipeline[str, float])


def neighbours() -> None:
    assert_type(number >> scale(factor=1.5), Pipeline[str, float])  # int goes for float
    assert_type(parse >> enrich >> amount, Pipeline[str, float])  # a subclass
    assert_type(number_or_text >> anything, Pipeline[str, str])  # a narrower union
    assert_type(find >> missing_or, Pipeline[str, float])
    assert_type(parse >> missing_or, Pipeline[str, float])
    assert_type(find >> show, Pipeline[str, str])  # anything goes for object
    assert_type(tell_box >> measure, Pipeline[str, int])  # a protocol
    assert_type(user >> double, Pipeline[str, int])  # a NewType goes for what it is made of
    assert_type(number >> row >> row_key, Pipeline[str, int])
    assert_type((parse >> amount) >> (show >> number), Pipeline[str, int])


def variance() -> None:
    takes_more_gives_less: list[BasePipe[Enriched, object]] = [amount, show, amount >> show, enrich(region="us")]
    assert_type(takes_more_gives_less, list[BasePipe[Enriched, object]])


def generators() -> None:
    assert_type(words >> number, Pipeline[str, int])
    assert_type(digits >> double, Pipeline[str, int])
    assert_type(pages >> amount, Pipeline[str, float])
    assert_type(show >> words >> words, Pipeline[object, str])


# ------------------------------------------------------------------------------------------------------ classes


class Discount(SyncBasePipe[Enriched, Enriched]):
    rate: Annotated[float, Field(ge=0, le=1)] = 0.1
    tags: tuple[str, ...] = ()

    def process(self, item: Enriched) -> Enriched:
        return item


class Lookup(AsyncBasePipe[Order, Enriched]):
    options = PipeOptions(concurrency=8, retry=Retry(attempts=2))

    url: str
    client: Connection = state()

    async def setup(self) -> None:
        self.client = Connection()

    async def process(self, item: Order) -> Enriched:
        assert_type(self.client, Connection)
        return Enriched(region=self.url)


class Split(FlatPipe[str, str]):
    separator: str = ","

    def process(self, item: str) -> Iterator[str]:
        yield from item.split(self.separator)


class Crawl(AsyncFlatPipe[str, Order]):
    async def process(self, item: str) -> AsyncIterator[Order]:
        yield Order(amount=len(item))


class Tagged(SyncBasePipe[T, tuple[str, T]], Generic[T]):
    tag: str

    def process(self, item: T) -> tuple[str, T]:
        return self.tag, item


class HalfPrice(Discount):
    rate: Annotated[float, Field(ge=0, le=1)] = 0.5


def classes() -> None:
    assert_type(parse >> enrich >> Discount(rate=0.2, tags=("a",)), Pipeline[str, Enriched])
    assert_type(parse >> Lookup(url="http://x") >> HalfPrice(), Pipeline[str, Enriched])
    assert_type(Split(separator=";") >> number, Pipeline[str, int])
    assert_type(Crawl() >> amount, Pipeline[str, float])
    assert_type(number >> Tagged[int](tag="n"), Pipeline[str, tuple[str, int]])
    assert_type(Discount().with_options(name="d").rate, float)
    assert_type(Discount.config_model(), type[BaseModel])


# ------------------------------------------------------------------------------------------------------- shapes


def is_large(order: Order) -> bool:
    return order.amount > 1


async def is_known(order: Order) -> bool:
    return order.amount > 1


def is_order(order: Order | None) -> TypeIs[Order]:
    return order is not None


def is_enriched(order: Order) -> TypeIs[Enriched]:
    return isinstance(order, Enriched)


def is_number(value: object) -> TypeGuard[int]:
    return isinstance(value, int)


def shapes() -> None:
    assert_type(parse >> keep(is_large), Pipeline[str, Order])
    assert_type(parse >> enrich >> keep(is_large), Pipeline[str, Enriched])  # stays what it was
    assert_type(parse >> enrich >> keep(is_known) >> Discount(), Pipeline[str, Enriched])
    assert_type(find >> keep(is_order), Pipeline[str, Order])
    assert_type(parse >> keep(is_enriched) >> Discount(), Pipeline[str, Enriched])
    assert_type(number_or_text >> keep(is_number) >> double, Pipeline[str, int])
    assert_type(find >> not_none() >> amount, Pipeline[str, float])
    assert_type(parse >> not_none(), Pipeline[str, Order])
    assert_type(number >> batch(10, within="1s"), Pipeline[str, list[int]])
    assert_type(number >> batch(10) >> count, Pipeline[str, int])
    assert_type(number >> batch(10) >> total, Pipeline[str, float])
    assert_type(number >> batch(10) >> unbatch() >> double, Pipeline[str, int])
    assert_type(find >> not_none() >> batch(10) >> unbatch() >> keep(is_large), Pipeline[str, Order])


def shapes_first() -> None:
    assert_type(batch(2) >> count, Pipeline[int, int])
    assert_type(batch(2) >> total, Pipeline[float, float])
    assert_type(not_none() >> amount, Pipeline[Order | None, float])
    assert_type(keep(is_large) >> amount, Pipeline[Order, float])
    assert_type(keep(is_order) >> amount, Pipeline[Order | None, float])
    assert_type(unbatch() >> double, Pipeline[Iterable[int], int])


# ---------------------------------------------------------------------------------------------- branch and route


@pipe
def animal(line: str) -> Dog | Cat:
    return Dog()


@pipe
def anyone(value: Animal) -> str:
    return "?"


@pipe
def feed_dog(value: Dog) -> int:
    return 1


@pipe
def feed_cat(value: Cat) -> float:
    return 1.0


@pipe
def feed_eel(value: Eel) -> bytes:
    return b""


def is_dog(value: Animal) -> TypeIs[Dog]:
    return isinstance(value, Dog)


def is_cat(value: Animal) -> TypeIs[Cat]:
    return isinstance(value, Cat)


def is_eel(value: Animal) -> TypeIs[Eel]:
    return isinstance(value, Eel)


def is_dog_of_two(value: Dog | Cat) -> TypeIs[Dog]:
    return isinstance(value, Dog)


def is_old(value: Animal) -> bool:
    return value.age > 1


def branches() -> None:
    assert_type(amount & show, Pipeline[Order, tuple[float, str]])
    assert_type(feed_dog & anyone, Pipeline[Dog, tuple[int, str]])
    assert_type(anyone & feed_dog, Pipeline[Dog, tuple[str, int]])  # in either order
    assert_type(amount & show & amount, Pipeline[Order, tuple[tuple[float, str], float]])  # nested, as written
    assert_type(branch(amount, show, amount), Pipeline[Order, tuple[float, str, float]])
    assert_type(branch(anyone, feed_dog), Pipeline[Dog, tuple[str, int]])
    assert_type(branch(show, show, show, show), Pipeline[object, tuple[str, str, str, str]])
    assert_type(branch(show, show, show, show, show), Pipeline[object, tuple[str, str, str, str, str]])
    assert_type(parse >> (amount & show >> number), Pipeline[str, tuple[float, int]])
    assert_type(parse >> branch(enrich(region="us") >> Discount(), amount), Pipeline[str, tuple[Enriched, float]])


def routes() -> None:
    assert_type(route((is_old, anyone), otherwise=anyone), Pipeline[Animal, str])
    assert_type(route((is_old, anyone), otherwise=feed_dog), Pipeline[Dog, str | int])
    assert_type(route((is_old, anyone), (is_old, feed_dog), otherwise=feed_dog), Pipeline[Dog, str | int])
    assert_type(route((is_dog, feed_dog), otherwise=feed_cat), Pipeline[Dog | Cat, int | float])
    assert_type(route((is_dog_of_two, feed_dog), otherwise=feed_cat), Pipeline[Dog | Cat, int | float])
    assert_type(animal >> route((is_dog, feed_dog), otherwise=feed_cat), Pipeline[str, int | float])
    assert_type(
        route((is_dog, feed_dog), (is_cat, feed_cat), otherwise=feed_eel),
        Pipeline[Dog | Cat | Eel, int | float | bytes],
    )
    assert_type(
        route((is_dog, feed_dog), (is_cat, feed_cat), (is_eel, feed_eel), otherwise=anyone) >> show,
        Pipeline[Dog | Cat | Eel | Animal, str],
    )
    assert_type(
        route((is_old, anyone), (is_old, anyone), (is_old, anyone), (is_old, anyone), otherwise=anyone),
        Pipeline[Animal, str],
    )
    assert_type(parse >> route((is_large, enrich(region="us")), otherwise=enrich), Pipeline[str, Enriched])
    assert_type(route((is_old, anyone >> words), otherwise=anyone) >> number, Pipeline[Animal, int])


# ------------------------------------------------------------------------------------------------------ running


def running(lines: list[str]) -> None:
    pipeline = parse >> amount
    assert_type(pipeline.run("1"), float)
    assert_type(parse.run("1"), Order)
    assert_type(pipeline.map(lines), Iterator[float])
    assert_type(pipeline.map(lines, parallel=Parallel(kind="thread", workers=4)), Iterator[float])
    assert_type((words >> number).map(iter(lines)), Iterator[int])
    with pipeline.opened() as opened:
        assert_type(opened.run("1"), float)


async def running_async(lines: AsyncIterator[str]) -> None:
    pipeline = parse >> enrich
    assert_type(await pipeline.arun("1"), Enriched)
    assert_type(pipeline.amap(lines), AsyncIterator[Enriched])
    assert_type(pipeline.amap(["1"]), AsyncIterator[Enriched])
    async with pipeline.aopened() as opened:
        assert_type(await opened.arun("1"), Enriched)


def as_values() -> None:
    pipeline = parse >> amount
    assert_type(len(pipeline), int)
    assert_type(pipeline.steps, tuple[BasePipe[Any, Any], ...])
    assert_type(pipeline == pipeline.with_options(name="p"), bool)
    assert_type(parse.function("1"), Any)
    whole: FunctionPipe[str, Order, []] = parse
    assert_type(whole, FunctionPipe[str, Order, []])
