# ruff: noqa: E501  # marks stand at the end of their line
"""What mypy --strict and pyright --strict must refuse: the marked lines, and no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rivusio_core import pipe
from rivusio_streams import (
    Batched,
    Context,
    Csv,
    Fold,
    Processor,
    Punctuated,
    Stream,
    Trigger,
    Tumbling,
    Weekly,
    agg,
)
from rivusio_streams.columns import col, columns
from rivusio_streams.testing import Harness, Input


@dataclass
class Order:
    user: str
    amount: float


@pipe
def parse(line: str) -> Order:
    raise NotImplementedError(line)


@pipe
def perhaps(line: str) -> Order | None:
    raise NotImplementedError(line)


@pipe
def price(order: Order) -> float:
    return order.amount


class Large(Trigger[int, None]):
    def create(self) -> None: ...
    def on_item(self, state: None, item: int, time: int) -> tuple[None, bool]:
        return None, item > time

    def merge(self, left: None, right: None) -> None: ...


def half(number: int) -> int:
    return number // 2


class Count(Processor[int, Order, int, int]):
    def create(self) -> int:
        return 0

    def on_item(self, item: Order, context: Context[int, int]) -> None:
        context.state += 1


def texts(order: Order, context: Context[str, str]) -> list[str]:
    return [order.user, context.state]


async def name_of(user: str) -> str | None:
    raise NotImplementedError(user)


async def names_of(users: Sequence[str]) -> Mapping[str, str]:
    raise NotImplementedError(users)


def user(order: Order) -> str:
    return order.user


def amount(order: Order) -> float:
    return order.amount


numbers: list[int] = []
lines = Stream.read(["a"])
orders = lines.through(parse)
times = orders.event_time(lambda o: 5)
keyed = times.key_by(user)
by_amount = times.key_by(amount)
ten = Tumbling("10s")
rows = columns(Order).stream(orders.through(columns(Order).pack()))

# fmt: off
assert [lines.through(price)]  # mypy: arg-type; pyright: reportArgumentType, reportCallIssue
assert [lines.through(perhaps).through(price)]  # mypy: arg-type; pyright: reportArgumentType, reportCallIssue
assert [orders.map(lambda o: o.amuont)]  # mypy: attr-defined; pyright: reportAttributeAccessIssue, reportUnknownLambdaType, reportUnknownMemberType
assert [orders.write(Csv("a.csv", int))]  # mypy: arg-type; pyright: reportArgumentType
assert [orders.write(numbers)]  # mypy: arg-type; pyright: reportArgumentType
assert [orders.key_by(lambda o: o.user).aggregate(agg.count())]  # mypy: attr-defined; pyright: reportAttributeAccessIssue, reportUnknownMemberType
assert [orders.window(Tumbling("1m")).aggregate(agg.mean(lambda o: o.user))]  # mypy: arg-type, return-value; pyright: reportAttributeAccessIssue, reportUnknownArgumentType, reportUnknownLambdaType, reportUnknownMemberType
assert [orders.window(Tumbling("1m"), late_to=numbers)]  # mypy: arg-type; pyright: reportArgumentType
assert [orders.event_time(lambda o: o.user)]  # mypy: arg-type, return-value; pyright: reportArgumentType
assert [orders.map(str, concurency=3)]  # mypy: call-overload; pyright: reportCallIssue
assert [orders.batch("3")]  # mypy: arg-type; pyright: reportArgumentType
assert [orders.window("1m")]  # mypy: arg-type; pyright: reportArgumentType
assert [lines.map(half)]  # mypy: arg-type; pyright: reportArgumentType, reportCallIssue
assert [lines.window(Tumbling("1m")).aggregate(agg.total(half))]  # mypy: arg-type; pyright: reportArgumentType
assert [orders.merge(lines).map(lambda o: o.user)]  # mypy: arg-type, return-value, union-attr; pyright: reportAttributeAccessIssue, reportUnknownLambdaType, reportUnknownMemberType
assert [orders.window(Tumbling("1m"), trigger=Large())]  # mypy: arg-type; pyright: reportArgumentType
assert [orders.window(Tumbling("1m"), trigger=3)]  # mypy: arg-type; pyright: reportArgumentType
assert [orders.event_time(watermarks=Punctuated[str](len))]  # mypy: arg-type; pyright: reportArgumentType
assert [orders.route(half)]  # mypy: arg-type; pyright: reportArgumentType, reportCallIssue
Harness(lines).send(Input[str](), 3)  # mypy: misc; pyright: reportArgumentType
assert [Input[str]("lines").begun]  # mypy: attr-defined; pyright: reportAttributeAccessIssue, reportUnknownMemberType
assert [orders.lookup(name_of, key=amount)]  # mypy: misc; pyright: reportArgumentType, reportCallIssue
assert [orders.lookup(Batched(names_of), key=amount)]  # mypy: misc; pyright: reportArgumentType, reportCallIssue
assert [orders.lookup(name_of)]  # mypy: call-overload; pyright: reportCallIssue
assert [orders.lookup(name_of, key=user, how="outer")]  # mypy: call-overload; pyright: reportArgumentType, reportCallIssue
assert [orders.lookup(name_of, key=user, tll="1m")]  # mypy: call-overload; pyright: reportCallIssue
assert [orders.lookup(name_of, key=user, size="many")]  # mypy: call-overload; pyright: reportArgumentType, reportCallIssue
assert [Batched(name_of)]  # mypy: arg-type; pyright: reportArgumentType
assert [orders.lookup(name_of, key=user, how="left").map(lambda each: each.right.upper())]  # mypy: arg-type, return-value, union-attr; pyright: reportOptionalMemberAccess
assert [lines.lookup(name_of, key=user)]  # mypy: arg-type; pyright: reportArgumentType, reportCallIssue
assert [Weekly(start="mon")]  # mypy: arg-type; pyright: reportArgumentType
assert [orders.window(Tumbling("1m")).aggregate(Fold(0, half))]  # mypy: arg-type; pyright: reportArgumentType
assert [agg.approx_quantile("0.5")]  # mypy: call-overload; pyright: reportArgumentType
by_user = orders.key_by(lambda o: o.user)
assert [by_user.process(Count())]  # mypy: arg-type; pyright: reportArgumentType
assert [lines.key_by(len).process(Count())]  # mypy: arg-type; pyright: reportArgumentType
assert [by_user.process(texts, state=int)]  # mypy: misc; pyright: reportArgumentType
assert [by_user.process(texts)]  # mypy: call-overload; pyright: reportArgumentType
assert [by_user.process(texts, state=str, ttl_by="day")]  # mypy: call-overload; pyright: reportArgumentType
assert [by_user.scan("", lambda total, order: total + order.amount)]  # mypy: operator; pyright: reportOperatorIssue, reportUnknownLambdaType
assert [by_user.scan(0, half)]  # mypy: arg-type; pyright: reportArgumentType
assert [by_user.reduce(lambda a, b: a.amount)]  # mypy: arg-type, return-value; pyright: reportArgumentType
assert [orders.distinct(half)]  # mypy: arg-type; pyright: reportArgumentType
assert [lines.distinct(within=[])]  # mypy: arg-type; pyright: reportArgumentType
assert [orders.throttle("3")]  # mypy: arg-type; pyright: reportArgumentType
assert [keyed.join(times, window=ten)]  # mypy: call-overload; pyright: reportArgumentType
assert [keyed.join(by_amount, window=ten)]  # mypy: arg-type; pyright: reportArgumentType
assert [keyed.join(keyed)]  # mypy: call-overload; pyright: reportCallIssue
assert [keyed.join(keyed, window="10s")]  # mypy: call-overload; pyright: reportArgumentType
assert [keyed.join(keyed, window=ten, how="full")]  # mypy: call-overload; pyright: reportArgumentType, reportCallIssue
assert [keyed.join(keyed, window=ten, how="left").map(lambda each: each.right.user)]  # mypy: arg-type, return-value, union-attr; pyright: reportOptionalMemberAccess
assert [keyed.join(keyed, window=ten, how="right").map(lambda each: each.left.user)]  # mypy: arg-type, return-value, union-attr; pyright: reportOptionalMemberAccess
assert [keyed.join(keyed, window=ten, how="outer").map(lambda each: each.left.user)]  # mypy: arg-type, return-value, union-attr; pyright: reportOptionalMemberAccess
assert [keyed.interval_join(by_amount, lower=0, upper="5s")]  # mypy: arg-type; pyright: reportArgumentType
assert [keyed.interval_join(keyed, lower=0)]  # mypy: call-overload; pyright: reportCallIssue
assert [keyed.interval_join(keyed, lower=None, upper="5s")]  # mypy: call-overload; pyright: reportArgumentType
assert [keyed.interval_join(keyed, lower=0, upper=5, how="full")]  # mypy: call-overload; pyright: reportArgumentType, reportCallIssue
assert [keyed.interval_join(keyed, lower=0, upper=5, how="outer").map(lambda each: each.right.user)]  # mypy: arg-type, return-value, union-attr; pyright: reportOptionalMemberAccess
assert [keyed.asof_join(times)]  # mypy: call-overload; pyright: reportArgumentType
assert [keyed.asof_join(by_amount)]  # mypy: arg-type; pyright: reportArgumentType
assert [keyed.asof_join(keyed, how="outer")]  # mypy: call-overload; pyright: reportArgumentType, reportCallIssue
assert [keyed.asof_join(keyed, how="left").map(lambda each: each.right.user)]  # mypy: arg-type, return-value, union-attr; pyright: reportOptionalMemberAccess
assert [keyed.table_join(keyed)]  # mypy: call-overload; pyright: reportArgumentType
assert [keyed.table_join(by_amount.table())]  # mypy: arg-type; pyright: reportArgumentType
assert [keyed.table_join(keyed.table(), how="right")]  # mypy: call-overload; pyright: reportArgumentType, reportCallIssue
assert [keyed.table_join(keyed.table(), by="clock")]  # mypy: call-overload; pyright: reportArgumentType
assert [keyed.table_join(keyed.table(), how="left").map(lambda each: each.right.user)]  # mypy: arg-type, return-value, union-attr; pyright: reportOptionalMemberAccess
assert [keyed.table(of=half)]  # mypy: arg-type; pyright: reportArgumentType
assert [columns(Order).stream(orders)]  # mypy: arg-type; pyright: reportArgumentType
assert [rows.event_time(lambda order: order.at)]  # mypy: arg-type; pyright: reportArgumentType, reportUnknownLambdaType, reportUnknownMemberType
assert [rows.event_time("at").window(Weekly())]  # mypy: arg-type; pyright: reportArgumentType
assert [rows.event_time("at").window(ten, late_to=list[Order]())]  # mypy: arg-type; pyright: reportArgumentType
assert [rows.event_time("at").window(ten).aggregate(Order, amount=col.count())]  # mypy: arg-type; pyright: reportArgumentType
assert [rows.event_time("at").window(ten).aggregate(columns(Order), amount=agg.count())]  # mypy: arg-type; pyright: reportArgumentType
assert [rows.window(ten)]  # mypy: attr-defined; pyright: reportAttributeAccessIssue, reportUnknownMemberType
assert [col.total(3)]  # mypy: arg-type; pyright: reportArgumentType
