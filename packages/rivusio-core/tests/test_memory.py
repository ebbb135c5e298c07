"""Limits in bytes: what items weigh, and how much of them is in flight."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from pydantic import BaseModel

from rivusio_core import pipe
from rivusio_core.engine.budget import BUFFER, LOT, Budget
from rivusio_core.engine.feed import Growth
from rivusio_core.engine.weight import Scale, weight
from rivusio_core.errors import MemoryLimitExceeded

MIB = 1024 * 1024


class Model(BaseModel):
    name: str
    parts: list[bytes]


@dataclass
class Plain:
    data: bytes


@dataclass(slots=True)
class Slotted:
    data: bytes


class Array:
    nbytes = 5 * MIB


BLOB = b"x" * MIB


@pytest.mark.parametrize(
    ("value", "mib"),
    [
        (BLOB, 1),
        ("x" * MIB, 1),
        ([BLOB, BLOB], 2),
        ((BLOB,) * 100, 100),
        ({"a": BLOB, BLOB: "b"}, 2),
        (deque([BLOB]), 1),
        ({1: [{2: (BLOB,)}]}, 1),
        (Plain(BLOB), 1),
        (Slotted(BLOB), 1),
        (Model(name="x" * MIB, parts=[BLOB]), 2),
        (Array(), 5),
        (list(range(1000)), 0),
        (None, 0),
        (object(), 0),
        (Plain, 0),  # the class itself belongs to nobody
    ],
)
def test_what_values_weigh(value: Any, mib: int) -> None:
    assert weight(value) // MIB == mib


def test_a_value_within_itself_is_weighed_in_time() -> None:
    knot: list[Any] = [1]
    knot += [knot] * 100
    assert weight(knot) > sys.getsizeof(knot)


def test_light_items_are_weighed_now_and_then_and_heavy_ones_always() -> None:
    scale = Scale()
    assert scale.of([]) == 0
    assert scale.of([b"x" * 100] * 10) == 10 * weight(b"x" * 100)
    before = scale.of([BLOB])
    assert before < 200  # not looked at
    for _ in range(20):
        scale.of([BLOB])
    assert scale.of([BLOB] * 3) == 3 * weight(BLOB)
    assert scale.of([b""]) == weight(b"")


def test_less_is_read_at_once_of_heavy_items() -> None:
    growth = Growth()
    for _ in range(20):
        growth.adapt(0.0, [b"x"] * growth.size)
    assert growth.size == 8192
    for _ in range(40):
        growth.adapt(0.0, [BLOB] * growth.size)
    assert 1 <= growth.size <= LOT // MIB
    for _ in range(40):
        growth.adapt(0.0, [b"x" * 2 * LOT] * growth.size)
    assert growth.size == 1


def test_a_budget_makes_items_wait_and_refuses_state() -> None:
    budget = Budget(10 * MIB)
    budget.keep("totals", 8 * MIB)
    one, other = budget.buffer(), budget.buffer()
    assert one.fits(99 * MIB)  # else nothing would ever move
    one.add(MIB)
    assert one.fits(MIB)
    assert not one.fits(2 * MIB)
    other.add(MIB)
    assert not one.fits(1)
    one.free(MIB)
    other.free(MIB)
    budget.keep("sessions", MIB)
    with pytest.raises(
        MemoryLimitExceeded, match=r"keep about 11\.0MiB, more than memory=10\.0MiB: 8\.0MiB in 'totals'"
    ):
        budget.keep("sessions", 3 * MIB)
    free = Budget().buffer()
    free.add(BUFFER)
    assert not free.fits(1)


@pytest.mark.anyio
@pytest.mark.parametrize("ordered", [True, False])
async def test_heavy_items_in_flight_are_few(ordered: bool) -> None:
    """Of 64 that may be in flight at once, only as many are as fit."""
    alive = peak = 0

    @pipe(concurrency=64, ordered=ordered)
    async def slow(item: bytearray) -> int:
        nonlocal alive, peak
        alive += 1
        peak = max(peak, alive)
        await anyio.sleep(0.01)
        alive -= 1
        return len(item)

    def items() -> Iterator[bytearray]:
        for _ in range(80):
            yield bytearray(8 * MIB)

    assert sum([size async for size in slow.amap(items())]) == 80 * 8 * MIB
    assert 1 < peak <= BUFFER // (8 * MIB)
