"""What the workloads are fed with: the same for every contender, made before the clock runs."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import cache

from functions import Order

__all__ = ["BOUND", "HOP", "INPUTS", "SIZE", "lines", "orders"]

SIZE, HOP = 10_000_000, 2_000_000
"""Of windows, in microseconds."""
BOUND = 2_000_000
"""By how much an order may be out of order, in microseconds; one in a hundred is."""
_APART = 200
"""Microseconds from one order to the next: 5,000 a second, some ten for each user and hop."""
_BEGIN = 1_700_000_000_000_000
_USERS = 1_000


def _fields(count: int) -> list[tuple[str, float, int]]:
    chance = random.Random(7)
    found = list[tuple[str, float, int]]()
    for index in range(count):
        late = chance.randrange(BOUND) if chance.random() < 0.01 else 0
        user = f"u{chance.randrange(_USERS)}"
        found.append((user, float(chance.randrange(100)), _BEGIN + index * _APART - late))
    return found


@cache
def lines(count: int) -> list[bytes]:
    """Orders as JSON lines."""
    return [json.dumps({"user": user, "amount": amount, "at": at}).encode() for user, amount, at in _fields(count)]


@cache
def orders(count: int) -> list[Order]:
    """Orders."""
    return [Order.model_construct(user=user, amount=amount, at=at) for user, amount, at in _fields(count)]


INPUTS: dict[str, Callable[[int], object]] = {"W2": lines, "W3": orders, "W6": orders, "W8": orders}
"""By workload: what makes its input; the others are fed with numbers."""
