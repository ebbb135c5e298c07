"""Tables: the latest value of each key of a stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from rivusio_core.duration import Duration, duration_text, microseconds
from rivusio_core.errors import ConfigError, Fault
from rivusio_streams.graph import Node

__all__ = ["Table", "table_of"]

K = TypeVar("K", covariant=True)
V = TypeVar("V", covariant=True)


@dataclass(frozen=True)
class Table(Generic[K, V]):
    """What is known of each key: the latest value that a keyed stream gave for it. Made by `KeyedStream.table`.

    A table is a description, like a stream. Each `KeyedStream.table_join` keeps one of its own.

    Attributes:
        node: what gives the values.
        name: in drawings.
        ttl: how long a row lasts, microseconds; None: until another one replaces it.
        of: the value of an item; None: the item itself.
    """

    node: Node
    name: str
    ttl: int | None
    of: Callable[[Any], Any] | None


def table_of(node: Node, name: str, ttl: Duration | None, of: Callable[[Any], Any] | None) -> Table[object, object]:
    """What `KeyedStream.table` gives.

    Raises:
        ConfigError: `ttl` is no duration, or not longer than 0; `of` cannot be called.
    """
    if of is not None and not callable(of):
        raise ConfigError("table", faults=[Fault(f"is a function of an item, not {of!r}", "of")])
    length = None if ttl is None else microseconds(ttl, "ttl")
    if length is not None and length <= 0:
        raise ConfigError("table", faults=[Fault(f"must be longer than 0, not {duration_text(length)}", "ttl")])
    return Table(node, name, length, of)
