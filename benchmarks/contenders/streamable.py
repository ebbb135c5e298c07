"""streamable."""

from __future__ import annotations

from typing import Any

import functions as f
from inputs import lines
from streamable import stream

__all__ = ["CANNOT", "RUNS"]


def maps(count: int) -> list[int]:
    mapped = stream(range(count)).map(f.add).map(f.double).map(f.minus).map(f.add).map(f.double)
    return list(mapped.filter(f.third))


def parse(count: int) -> list[str]:
    return list(stream(lines(count)).map(f.Order.model_validate_json).map(f.plus_tax).map(f.to_json))


RUNS: dict[str, Any] = {
    "W1": maps,
    "W2": parse,
    "W4": lambda count: list(stream(range(count)).map(f.wait, concurrency=100)),
    "W5": lambda count: list(stream(range(count)).map(f.add).map(f.tell).map(f.double)),
}
CANNOT = dict.fromkeys(["W3", "W6", "W8"], "no keys, state or event time")
