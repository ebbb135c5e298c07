# ruff: noqa: E501  # marks stand at the end of their line
"""What mypy --strict and pyright --strict must refuse: the marked lines, and no other."""

from __future__ import annotations

from dataclasses import dataclass

from rivusio_core import pipe
from rivusio_streams import Csv, Fold, Stream, Tumbling, Weekly, agg


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


def half(number: int) -> int:
    return number // 2


numbers: list[int] = []
lines = Stream.read(["a"])
orders = lines.through(parse)

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
assert [Weekly(start="mon")]  # mypy: arg-type; pyright: reportArgumentType
assert [orders.window(Tumbling("1m")).aggregate(Fold(0, half))]  # mypy: arg-type; pyright: reportArgumentType
assert [agg.approx_quantile("0.5")]  # mypy: call-overload; pyright: reportArgumentType
