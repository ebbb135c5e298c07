"""What mypy --strict and pyright --strict must pass, with exactly these types.

Checked, with `rejects.py`, by `python tests/typing/check_rejects.py packages/rivusio-streams/tests/typing`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_type

from typing_extensions import TypeIs

from rivusio_core import pipe
from rivusio_streams import (
    Batched,
    Context,
    Csv,
    Daily,
    EarlyCount,
    EarlyEvery,
    Flow,
    Fold,
    Hopping,
    Joined,
    JsonLines,
    KeyedStream,
    Processor,
    Punctuated,
    Reduce,
    StdIn,
    StdOut,
    Stream,
    Table,
    Timer,
    Tumbling,
    Weekly,
    Windowed,
    WindowedStream,
    agg,
)
from rivusio_streams.columns import (
    Columns,
    ColumnStream,
    Layout,
    TimedColumnStream,
    WindowedColumnStream,
    col,
    columns,
)
from rivusio_streams.testing import Harness, Input


@dataclass
class Order:
    user: str
    amount: float
    ts: datetime


@dataclass
class Totals:
    orders: int
    amount: float


@pipe
def parse(line: str) -> Order:
    raise NotImplementedError(line)


@pipe
def perhaps(line: str) -> Order | None:
    raise NotImplementedError(line)


async def fetch(order: Order) -> int:
    raise NotImplementedError(order)


async def spread(order: Order) -> AsyncIterator[int]:
    yield int(order.amount)


async def name_of(user: str) -> str | None:
    raise NotImplementedError(user)


async def age_of(user: str) -> int:
    raise NotImplementedError(user)


def known_name(user: str) -> str | None:
    raise NotImplementedError(user)


async def names_of(users: Sequence[str]) -> Mapping[str, str]:
    raise NotImplementedError(users)


async def ages_of(users: Sequence[str]) -> dict[str, int]:
    raise NotImplementedError(users)


def user(order: Order) -> str:
    return order.user


def spent(total: float, order: Order) -> float:
    return total + order.amount


def dearest(one: Order, other: Order) -> Order:
    return max(one, other, key=lambda each: each.amount)


def is_text(value: object) -> TypeIs[str]:
    return isinstance(value, str)


def takes_any(stream: Stream[object]) -> None:
    del stream


class Alerts(Processor[str, Order, Totals, str]):
    def create(self) -> Totals:
        return Totals(0, 0)

    def on_item(self, item: Order, context: Context[str, Totals]) -> Iterator[str]:
        assert_type(context.key, str)
        assert_type(context.state, Totals)
        context.set_clock_timer("1m")
        yield item.user

    def on_timer(self, timer: Timer, context: Context[str, Totals]) -> list[str]:
        return [timer.name]


class AnyKey(Processor[object, object, int, int]):
    def create(self) -> int:
        return 0

    def on_item(self, item: object, context: Context[object, int]) -> None:
        context.state += 1


def third(order: Order, context: Context[str, int]) -> list[float] | None:
    context.state += 1
    return [order.amount] if context.state == 3 else None


mixed: list[int | str] = [1, "a"]
totals: list[Windowed[str, Totals]] = []

orders = Stream.read(JsonLines("orders.jsonl", Order))
assert_type(orders, Stream[Order])
assert_type(Stream.read(["a"]), Stream[str])
assert_type(Stream.read(StdIn()), Stream[str])
assert_type(Stream.read(StdIn(Order)), Stream[Order])
assert_type(Stream.read(Csv("a.csv")), Stream[dict[str, str]])
assert_type(Stream.read(["a"]).through(parse), Stream[Order])
assert_type(Stream.read(["a"]).through(perhaps).not_none(), Stream[Order])
assert_type(orders.map(lambda o: o.user), Stream[str])
assert_type(orders.map(fetch, concurrency=8), Stream[int])
assert_type(orders.flat_map(spread), Stream[int])
assert_type(orders.flat_map(lambda o: [o.user]), Stream[str])
assert_type(orders.filter(lambda o: o.amount > 0), Stream[Order])
assert_type(Stream.read(mixed).filter(is_text), Stream[str])
assert_type(orders.batch(3), Stream[list[Order]])
assert_type(orders.merge(Stream.read([1])), Stream[Order | int])
assert_type(orders.split(lambda o: o.amount > 0)[1], Stream[Order])
assert_type(Stream.read(mixed).split(is_text)[0], Stream[str])
assert_type(orders.route(lambda o: o.amount > 0), tuple[Stream[Order], Stream[Order]])
assert_type(orders.route(lambda o: o.amount > 9, lambda o: o.amount > 0)[2], Stream[Order])
assert_type(orders.event_time(lambda o: o.ts, watermarks=Punctuated(lambda o: o.ts)), Stream[Order])
assert_type(orders.processing_time(), Stream[Order])
assert_type(orders.window(Tumbling("1m"), trigger=EarlyCount(3) | EarlyEvery("1s")), WindowedStream[None, Order])
takes_any(orders)

source = Input[Order]("orders")
with Harness(Stream.read(source).map(lambda o: o.user)) as h:
    assert_type(h.take(), list[str])
    h.send(source, parse.run("a"))

by_name: dict[str, float] = {}
assert_type(orders.lookup(name_of, key=user), Stream[Joined[str, Order, str]])
assert_type(orders.lookup(name_of, key=lambda o: o.user), Stream[Joined[str, Order, str]])
assert_type(orders.lookup(name_of, key=user, how="inner", ttl=None), Stream[Joined[str, Order, str]])
assert_type(orders.lookup(name_of, key=user, how="left"), Stream[Joined[str, Order, str | None]])
assert_type(orders.lookup(age_of, key=user), Stream[Joined[str, Order, int]])
assert_type(orders.lookup(age_of, key=user, how="left"), Stream[Joined[str, Order, int | None]])
assert_type(orders.lookup(known_name, key=user), Stream[Joined[str, Order, str]])
assert_type(orders.lookup(known_name, key=user, how="left", size=5), Stream[Joined[str, Order, str | None]])
assert_type(orders.lookup(by_name.get, key=user), Stream[Joined[str, Order, float]])
assert_type(orders.lookup(Batched(names_of), key=user), Stream[Joined[str, Order, str]])
assert_type(orders.lookup(Batched(ages_of, size=9, within="1ms"), key=user), Stream[Joined[str, Order, int]])
assert_type(orders.lookup(Batched(names_of), key=user, how="left"), Stream[Joined[str, Order, str | None]])
assert_type(orders.lookup(name_of, key=user).map(lambda each: each.right.upper()), Stream[str])
general: Joined[object, object, object] = Joined("a", 1, 2.5)

timed = orders.event_time(lambda o: o.ts, out_of_order="5s", idle_after="30s", max_future="5m")
keyed = timed.key_by(lambda o: o.user)
windows = keyed.window(Tumbling("1m"), allowed_lateness="30s", late_to=JsonLines("late.jsonl"))
assert_type(keyed, KeyedStream[str, Order])
assert_type(windows, WindowedStream[str, Order])
assert_type(windows.aggregate(agg.count()), Stream[Windowed[str, int]])
assert_type(windows.aggregate(agg.total(lambda o: o.amount)), Stream[Windowed[str, float]])
assert_type(windows.aggregate(agg.mean(lambda o: o.amount)), Stream[Windowed[str, float]])
assert_type(windows.aggregate(agg.minimum(lambda o: o.amount)), Stream[Windowed[str, float]])
assert_type(windows.aggregate(agg.top(3, lambda o: o.amount)), Stream[Windowed[str, list[Order]]])
assert_type(windows.aggregate(agg.first(lambda o: o.user)), Stream[Windowed[str, str]])
assert_type(windows.aggregate(agg.distinct(lambda o: o.user)), Stream[Windowed[str, list[str]]])
assert_type(windows.aggregate(agg.quantile(0.5, lambda o: o.amount)), Stream[Windowed[str, float]])
assert_type(windows.aggregate(agg.approx_quantile(0.5, lambda o: o.amount)), Stream[Windowed[str, float]])
assert_type(windows.aggregate(agg.approx_distinct(lambda o: o.user, error=0.1)), Stream[Windowed[str, int]])
assert_type(windows.aggregate(Fold(0.0, spent)), Stream[Windowed[str, float]])
assert_type(windows.aggregate(Fold(0.0, spent, result=str)), Stream[Windowed[str, str]])
assert_type(windows.aggregate(Reduce(dearest)), Stream[Windowed[str, Order]])
assert_type(keyed.window(Hopping("1m", "10s")), WindowedStream[str, Order])
assert_type(keyed.window(Daily(tz="Europe/Berlin")), WindowedStream[str, Order])
assert_type(keyed.window(Weekly(start="sunday")), WindowedStream[str, Order])
assert_type(windows.aggregate(agg.collect()), Stream[Windowed[str, list[Order]]])
assert_type(windows.collect(), Stream[Windowed[str, list[Order]]])
assert_type(timed.window(Tumbling("1m")).aggregate(agg.count()), Stream[Windowed[None, int]])
both = windows.aggregate(agg.combine(Totals, orders=agg.count(), amount=agg.total(lambda o: o.amount)))
assert_type(both, Stream[Windowed[str, Totals]])
assert_type(keyed.process(Alerts(), ttl="1d", ttl_by="clock"), Stream[str])
assert_type(keyed.process(Alerts(), late="refuse", late_to=JsonLines("late.jsonl")), Stream[str])
assert_type(keyed.process(AnyKey()), Stream[int])
assert_type(keyed.process(third, state=int), Stream[float])
assert_type(keyed.scan(0.0, lambda total, order: total + order.amount), Stream[tuple[str, float]])
assert_type(keyed.reduce(lambda a, b: a if a.amount > b.amount else b), Stream[tuple[str, Order]])
assert_type(keyed.distinct("1h"), Stream[Order])
assert_type(orders.distinct(lambda o: o.user), Stream[Order])
assert_type(orders.throttle(10, per="1m"), Stream[Order])
pair = windows.aggregate(agg.combine(tuple, agg.count(), agg.mean(lambda o: o.amount)))
assert_type(pair, Stream[Windowed[str, tuple[int, float]]])
others = timed.map(lambda o: o.amount).key_by(str)
ten = Tumbling("10s")
assert_type(keyed.join(others, window=ten), Stream[Joined[str, Order, float]])
assert_type(keyed.join(others, window=ten, how="inner"), Stream[Joined[str, Order, float]])
assert_type(keyed.join(others, window=ten, how="left"), Stream[Joined[str, Order, float | None]])
assert_type(keyed.join(others, window=ten, how="right"), Stream[Joined[str, Order | None, float]])
assert_type(keyed.join(others, window=ten, how="outer", name="all"), Stream[Joined[str, Order | None, float | None]])
near = keyed.interval_join(others, lower="-5s", upper=timedelta(seconds=5))
assert_type(near, Stream[Joined[str, Order, float]])
assert_type(keyed.interval_join(others, lower=0, upper=1, how="left"), Stream[Joined[str, Order, float | None]])
assert_type(keyed.interval_join(others, lower=0, upper=1, how="right"), Stream[Joined[str, Order | None, float]])
all_near = keyed.interval_join(others, lower=0, upper=1, how="outer")
assert_type(all_near, Stream[Joined[str, Order | None, float | None]])
assert_type(keyed.asof_join(others), Stream[Joined[str, Order, float]])
assert_type(keyed.asof_join(others, tolerance="1m", how="left"), Stream[Joined[str, Order, float | None]])
perhaps_floats = timed.map(lambda o: o.amount if o.user else None).key_by(str)
table = keyed.table(of=lambda o: o.amount if o.user else None)
assert_type(others.table(), Table[str, float])
assert_type(perhaps_floats.table(ttl="1h"), Table[str, float])
assert_type(table, Table[str, float])
assert_type(others.table_join(table), Stream[Joined[str, float, float]])
assert_type(keyed.table_join(table, how="left", by="arrival"), Stream[Joined[str, Order, float | None]])
assert_type(near.map(lambda each: each.right * 2), Stream[float])
assert_type(both.write(JsonLines("out.jsonl")), Flow)
assert_type(both.write(totals), Flow)
assert_type(both.write([]), Flow)
assert_type(orders.tee(StdOut()).write(Csv("a.csv", Order)), Flow)

order_columns, sum_columns = columns(Order), columns(Totals)
assert_type(order_columns, Layout[Order])
batches = orders.through(order_columns.pack(rows=100))
assert_type(batches, Stream[Columns[Order]])
timed_rows = order_columns.stream(batches).event_time("ts", out_of_order="5s", idle_after="1m", max_future=1)
assert_type(timed_rows, TimedColumnStream[Order])
assert_type(timed_rows.key_by("user"), TimedColumnStream[Order])
windowed_rows = timed_rows.key_by("user").window(Hopping("1m", "10s"), allowed_lateness="5s", late_to=[])
assert_type(windowed_rows, WindowedColumnStream[Order])
sums = windowed_rows.aggregate(sum_columns, orders=col.count(), amount=col.total("amount"))
assert_type(sums, Stream[Columns[Totals]])
assert_type(sums.through(sum_columns.unpack()), Stream[Totals])
assert_type(sum_columns.stream(sums), ColumnStream[Totals])
