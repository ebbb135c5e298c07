"""MessagePack, with types: the library has none."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, Protocol, cast

__all__ = ["Parts", "Tagged", "array_header", "map_header", "pack", "parts", "tagged", "unpack"]


class Tagged(Protocol):
    """Bytes with a number that says what they are: MessagePack's extension type."""

    code: int
    data: bytes


class _Packer(Protocol):
    def pack(self, value: object, /) -> bytes: ...
    def pack_array_header(self, size: int, /) -> bytes: ...
    def pack_map_header(self, size: int, /) -> bytes: ...


class Parts(Iterator[Any], Protocol):  # Any: whatever was packed
    """The values of bytes, one after the other."""

    def read_map_header(self) -> int:
        """How many pairs of values follow, which are those of a dict."""
        ...

    def read_array_header(self) -> int:
        """How many values follow, which are those of a list."""
        ...


class _Library(Protocol):
    """What of it is used. Any: values of all kinds."""

    def packb(self, value: object, **options: Any) -> bytes: ...
    def unpackb(self, data: bytes | memoryview, **options: Any) -> Any: ...
    def ExtType(self, code: int, data: bytes) -> Tagged: ...  # its own name
    def Unpacker(self, **options: Any) -> Any: ...  # its own name
    def Packer(self, **options: Any) -> _Packer: ...  # its own name


_library = cast("_Library", import_module("msgpack"))
tagged = _library.ExtType

_STRICT = {"strict_types": True, "unicode_errors": "surrogatepass"}
_OWN = frozenset({type(None), bool, int, float, str, bytes, list, dict})
"""What MessagePack knows; what is inside of the last two is seen on the way."""
_LARGE = 1 << 20
"""A packer that has made so many bytes is given up: it would keep as much memory."""


class _Own(threading.local):
    """A packer for each thread, since making one costs ten times what packing a number does."""

    def __init__(self) -> None:
        self.packer = _library.Packer(**_STRICT)


_own = _Own()


def pack(value: object, default: Callable[[Any], Tagged] | None = None) -> bytes:
    """A value as bytes; of exact types only: `default` makes something known of all others.

    Raises:
        ValueError: it is nested too deeply.
        OverflowError: it holds an integer that is too large.
        TypeError: it holds something unknown.
    """
    if type(value) in _OWN:
        try:
            packed = _own.packer.pack(value)
        except (TypeError, ValueError, OverflowError):  # it holds something else
            pass
        else:
            if len(packed) > _LARGE:
                _own.packer = _library.Packer(**_STRICT)
            return packed
    return _library.packb(value, default=default, **_STRICT)


def unpack(
    data: bytes | memoryview, hook: Callable[[int, bytes], Any] | None = None
) -> Any:  # Any: whatever was packed
    """The value of bytes; `hook` makes values of those that were tagged.

    Raises:
        ValueError: it is damaged.
    """
    options = {} if hook is None else {"ext_hook": hook}
    return _library.unpackb(data, strict_map_key=False, unicode_errors="surrogatepass", **options)


def array_header(size: int) -> bytes:
    """The bytes before those of the members of a list."""
    return _library.Packer().pack_array_header(size)


def map_header(size: int) -> bytes:
    """The bytes before the keys and values of a dict."""
    return _library.Packer().pack_map_header(size)


def parts(data: bytes | memoryview) -> Parts:
    """The values of bytes, which are read as they are asked for; `unpack` reads a dict at once.

    Raises:
        ValueError: (when asked) it is damaged.
    """
    found = _library.Unpacker(strict_map_key=False, unicode_errors="surrogatepass", max_buffer_size=0)
    found.feed(data)
    return cast("Parts", found)
