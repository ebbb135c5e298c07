"""What the workloads do with an item: the same functions for every contender."""

from __future__ import annotations

import asyncio

from pydantic import BaseModel

__all__ = [
    "Order",
    "add",
    "at",
    "double",
    "minus",
    "plus_tax",
    "spent",
    "tell",
    "third",
    "to_json",
    "user",
    "wait",
]


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
    """When it happened, in microseconds since the epoch."""
    return order.at


def spent(total: float, order: Order) -> float:
    """What was spent, this order included."""
    return total + order.amount


async def tell(number: int) -> int:
    """An async function that does not wait."""
    return number + 1


async def wait(number: int) -> int:
    """An async function that waits a millisecond."""
    await asyncio.sleep(0.001)
    return number
