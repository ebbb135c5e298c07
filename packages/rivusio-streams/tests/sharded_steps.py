"""What steps do in worker processes; at module level, so that these can import it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from rivusio_core.errors import BadRecord
from rivusio_streams import Context


def busy(number: int) -> int:
    return sum(range(number % 50)) + number


def where(state: tuple[int, int], number: int) -> tuple[int, int]:
    """The last number, and the process that says so."""
    return number, os.getpid()


def refuses(number: int) -> int:
    if number == 17:
        raise BadRecord("no such number")
    if number == 1_017:
        raise ValueError(f"the secret is {number}")
    return number


def dies(number: int, context: Context[int, Path]) -> Iterator[int]:
    """Ends the process of the number 61, the first time."""
    if number == 61 and not Path("died").exists():
        Path("died").touch()
        os._exit(3)
    yield number


def anywhere() -> Path:
    return Path()
