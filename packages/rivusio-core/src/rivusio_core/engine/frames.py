"""Messages between a run and its worker processes: what kind, then a pickle and its buffers.

Pickle protocol 5 leaves large buffers (arrays, columns) out of the stream of bytes; they are sent as they are, and the
receiver gets them writable, as if nothing had been sent at all. Both ends are the same user's code on one machine.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Awaitable, Callable, Sequence
from enum import IntEnum
from typing import TypeAlias

__all__ = ["Body", "FrameKind", "pack", "read", "read_async", "unpack"]

Body: TypeAlias = Sequence[bytes | bytearray | memoryview]
"""A pickle, and the buffers that belong to it."""

_HEAD = struct.Struct("<BI")


class FrameKind(IntEnum):
    """What a frame is for: the first is sent once, `RUN` and `CLOSE` ask, `DONE` and `FAILED` answer."""

    START = 0
    RUN = 1
    CLOSE = 2
    DONE = 3
    FAILED = 4


def pack(kind: FrameKind, message: object) -> list[bytes | memoryview]:
    """The pieces to write, one after the other.

    Raises:
        Exception: the message cannot be pickled; its kind is up to the message.
    """
    buffers = list[memoryview]()
    pickled = pickle.dumps(message, protocol=5, buffer_callback=lambda buffer: buffers.append(buffer.raw()))
    sizes = [len(pickled), *(buffer.nbytes for buffer in buffers)]
    head = _HEAD.pack(kind, len(sizes)) + struct.pack(f"<{len(sizes)}Q", *sizes)
    return [head + pickled, *buffers]


def read(read_exactly: Callable[[int], bytearray]) -> tuple[FrameKind, Body]:
    """The next frame, from something that gives so many bytes, or skips them and raises MemoryError.

    Raises:
        MemoryError: a part of it had to be skipped; all of it is.
    """
    kind, count = _HEAD.unpack(read_exactly(_HEAD.size))
    sizes: tuple[int, ...] = struct.unpack(f"<{count}Q", read_exactly(8 * count))
    parts, lacking = list[bytearray](), None
    for size in sizes:
        try:
            parts.append(read_exactly(size))
        except MemoryError as error:
            parts.clear()
            lacking = error
    if lacking is not None:
        raise lacking
    return FrameKind(kind), parts


async def read_async(read_exactly: Callable[[int], Awaitable[bytes]]) -> tuple[FrameKind, Body]:
    """The next frame, likewise."""
    kind, count = _HEAD.unpack(await read_exactly(_HEAD.size))
    sizes: tuple[int, ...] = struct.unpack(f"<{count}Q", await read_exactly(8 * count))
    pickled = await read_exactly(sizes[0])
    return FrameKind(kind), [pickled, *[bytearray(await read_exactly(size)) for size in sizes[1:]]]


def unpack(body: Body) -> object:
    """The message of a frame.

    Raises:
        Exception: it cannot be unpickled here.
    """
    return pickle.loads(body[0], buffers=body[1:])
