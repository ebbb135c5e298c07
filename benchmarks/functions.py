"""What the workloads do with an item: the same functions for Rivusio and for the hand-written loops."""

from __future__ import annotations

from typing import TypeAlias

import anyio
from pydantic import BaseModel

__all__ = [
    "Order",
    "Sent",
    "add",
    "at",
    "double",
    "followed",
    "minus",
    "pass_on",
    "plus_tax",
    "spent",
    "tell",
    "third",
    "to_json",
    "user",
    "wait",
]

Sent: TypeAlias = tuple[int, int]
"""A number, and when it was made: nanoseconds of `time.perf_counter_ns`."""


class Order(BaseModel):
    """An order as it stands in a JSON line."""

    user: str
    amount: float
    at: int


def add(number: int) -> int:
    """One more."""
    return number + 1


def double(number: int) -> int:
    """Twice as much."""
    return number * 2


def minus(number: int) -> int:
    """Three less."""
    return number - 3


def third(number: int) -> bool:
    """Divisible by three."""
    return number % 3 == 0


def plus_tax(order: Order) -> Order:
    """A changed copy."""
    return order.model_copy(update={"amount": order.amount * 1.2})


def to_json(order: Order) -> str:
    """The order as a JSON line."""
    return order.model_dump_json()


def user(order: Order) -> str:
    """Whose it is."""
    return order.user


def at(order: Order) -> int:
    """When it was placed, in microseconds since the epoch."""
    return order.at


def spent(total: float, order: Order) -> float:
    """What was spent, this order included."""
    return total + order.amount


def pass_on(sent: Sent) -> Sent:
    """The next number, made when the last one was."""
    return sent[0] + 1, sent[1]


def followed(last: tuple[int, int, int], sent: Sent) -> tuple[int, int, int]:
    """How many there were of a key, and the last of them."""
    return last[0] + 1, *sent


async def tell(number: int) -> int:
    """An async function that does not wait."""
    return number + 1


async def wait(number: int) -> int:
    """An async function that waits a millisecond."""
    await anyio.sleep(0.001)
    return number
