"""The loop that works out times and keys, and folds values, in one go."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, TypeAlias

from rivusio_streams.aggregate import Aggregator
from rivusio_streams.engine.accessor import accessor
from rivusio_streams.engine.folding import written_of
from rivusio_streams.engine.generated import bound
from rivusio_streams.engine.operators.nothing import NOTHING
from rivusio_streams.formula import Formula

__all__ = ["TimedFolding", "Untimed", "timed_folding"]

Function: TypeAlias = Callable[[Any], Any]
_Switch: TypeAlias = Callable[
    [int, Any, Any, int], tuple[int, int, "dict[Any, Any] | None", dict[Any, Any], dict[Any, int]]
]
TimedFolding: TypeAlias = Callable[[Iterable[Any], int, _Switch, Callable[[int], None]], None]
"""Takes items, the latest time before them, and these: `switch` is told of an item that is not in the place at hand
(its time, its key, itself) and of the latest time before it, and gives its place, as that of a `Folding` does (without
accumulators: the item is dealt with already); `leave` is told of the latest time, however the loop ends."""

_TEXT = """\
def bind(nothing, number, untimed, of, key{parameters}):
    def timed(values, latest, switch, leave):
        begin = end = 0
        try:
            for v in values:
                t = {time}
                if type(t) is not int:
                    raise untimed
                k = {key}
                if not begin <= t < end:
                    begin, end, fresh, settled, seen = switch(t, k, v, latest)
                    if fresh is None:
                        continue
                    get, old = fresh.get, settled.get
                a = get(k, nothing)
                if a is nothing:
                    a = old(k, nothing)
                    if a is nothing:
                        a = {create}{numbered}
                fresh[k] = {add}
                if t > latest:
                    latest = t
        finally:
            leave(latest)

    return timed
"""


class Untimed(Exception):
    """An item's time is no plain int of microseconds, and so for others to look at. Not an error."""


def timed_folding(
    of: Function, key: Function, aggregator: Aggregator[Any, Any, Any], number: Callable[[], int] | None
) -> TimedFolding:
    """The loop.

    Args:
        of: gives the time of an item.
        key: gives its key.
        aggregator: what to do.
        number: gives each key that is seen for the first time its number.
    """
    written = written_of(aggregator)
    read = tuple(accessor(each) or "" for each in (of, key))
    inside = {name: accessor(own) for name, own in written.names.items() if callable(own)}
    add = _with_accessors(written, inside)
    bind = _compiled(written.create, add, tuple(written.names), *read, numbers=number is not None)
    timed: TimedFolding = bind(NOTHING, number, Untimed, of, key, *written.names.values())
    return timed


def _with_accessors(formula: Formula, inside: dict[str, str | None]) -> str:
    add = formula.add
    for name, text in inside.items():
        if text is not None:
            add = add.replace(f"{{{name}}}({{v}})", text.replace("{}", "{v}", 1))
    return add


@lru_cache(maxsize=256)
def _compiled(
    create: str, add: str, names: tuple[str, ...], time: str, key: str, *, numbers: bool
) -> Callable[..., Any]:
    variables = {"a": "a", "v": "v", "t": "t", "x": "x", **{name: f"f{index}" for index, name in enumerate(names)}}
    added = add.format(**variables)
    source = _TEXT.format(
        parameters="".join(f", f{index}" for index in range(len(names))),
        time=time.format("v") if time else "of(v)",
        key=key.format("v") if key else "key(v)",
        create=create.format(**variables),
        add=added,
        numbered="; seen[k] = number()" if numbers else "",
    )
    return bound(f"<rivusio timed fold: {added} by {key or 'key'} at {time or 'time'}>", source)
