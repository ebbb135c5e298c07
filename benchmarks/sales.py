"""What the joins read, and the functions that they call: sales, and what came in for them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache

from data import BOUND, SECOND

__all__ = ["REACH", "Paid", "Sale", "at", "number", "payments", "sales", "shop"]

REACH = 5 * SECOND
"""How long after a sale a payment of it counts in the interval join, in microseconds."""


@dataclass(frozen=True, slots=True)
class Sale:
    """Something sold, or paid: number of the sale, shop, microseconds."""

    number: int
    shop: str
    at: int


Paid = tuple[int, int]
"""Numbers of a sale and of what was found for it."""


def number(sale: Sale) -> int:
    """Which sale."""
    return sale.number


def shop(sale: Sale) -> str:
    """Whose it is."""
    return sale.shop


def at(sale: Sale) -> int:
    """When, in microseconds since the epoch."""
    return sale.at


@cache
def sales(count: int) -> list[Sale]:
    """2,500 a second in 1,000 shops; one in a hundred comes out of order."""
    chance = random.Random(11)
    return [_made(chance, index, index * 400) for index in range(count)]


@cache
def payments(count: int) -> list[Sale]:
    """As many, a second or two behind the sales, one in a hundred much later; each sale is paid once."""
    chance = random.Random(13)
    found = list[Sale]()
    for sale in sales(count):
        delay = chance.randrange(2 * SECOND) if chance.random() < 0.99 else chance.randrange(20 * SECOND)
        found.append(Sale(sale.number, sale.shop, sale.at + delay))
    found.sort(key=at)
    return [_made(chance, each.number, each.at, each.shop) for each in found]


def _made(chance: random.Random, index: int, time: int, shop: str = "") -> Sale:
    behind = chance.randrange(BOUND) if chance.random() < 0.01 else 0
    return Sale(index, shop or f"s{chance.randrange(1_000)}", time - behind)
