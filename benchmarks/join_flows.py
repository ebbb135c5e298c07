"""The joins with Rivusio, as its documentation says to write them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sales as s
from contestant import Run
from sales import Sale

from rivusio_streams import Joined, KeyedStream, RunConfig, Stream, Tumbling

__all__ = ["runs"]

Found = list[Joined[Any, Sale, Sale]]


def runs(config: RunConfig) -> dict[str, Run]:
    """Every join, run so."""

    def window(count: int) -> Found:
        lefts, rights = _both(count, s.number)
        return _found(lefts.join(rights, window=Tumbling("10s")), config)

    def interval(count: int) -> Found:
        lefts, rights = _both(count, s.number)
        return _found(lefts.interval_join(rights, lower="0s", upper="5s"), config)

    def asof(count: int) -> Found:
        lefts, rights = _both(count, s.shop)
        return _found(lefts.asof_join(rights), config)

    return {"J1": Run(window, plain), "J2": Run(interval, plain), "J3": Run(asof, plain)}


def _both(count: int, key: Callable[[Sale], Any]) -> tuple[KeyedStream[Any, Sale], KeyedStream[Any, Sale]]:
    return _keyed(s.sales(count // 2), key), _keyed(s.payments(count // 2), key)


def _keyed(items: Sequence[Sale], key: Callable[[Sale], Any]) -> KeyedStream[Any, Sale]:
    return Stream.read(items).event_time(s.at, out_of_order="2s").key_by(key)


def _found(stream: Stream[Joined[Any, Sale, Sale]], config: RunConfig) -> Found:
    results = Found()
    stream.write(results).run(config)
    return results


def plain(found: Found) -> list[s.Paid]:
    """The numbers."""
    return [(each.left.number, each.right.number) for each in found]
