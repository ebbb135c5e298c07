"""Writing what can be written of a batch that holds items which a sink refuses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from rivusio_core.errors import BadRecord, ItemRefused

__all__ = ["write_divided"]


async def write_divided(
    write: Callable[[Sequence[Any]], Awaitable[None]], values: Sequence[Any]
) -> list[tuple[int, ItemRefused | BadRecord]]:
    """Write a batch, in order; if it is refused its halves, and so on, down to single items.

    One bad item among n costs some 2 log2(n) calls more.

    Args:
        write: of a sink that is `divisible`.
        values: the batch.

    Returns:
        The items that were refused, by index, in order; all others were written once.

    Raises:
        Exception: what `write` raised that is not the fault of an item.
    """
    refused = list[tuple[int, ItemRefused | BadRecord]]()
    waiting = [(0, len(values))]
    while waiting:
        start, stop = waiting.pop()
        try:
            await write(values if stop - start == len(values) else values[start:stop])
        except (ItemRefused, BadRecord) as error:
            if stop - start == 1:
                refused.append((start, error))
            else:
                middle = (start + stop) // 2
                waiting += [(middle, stop), (start, middle)]
    return refused
