"""The loops that fold values into accumulators: generated, with the formula of the aggregator in them.

A chunk of values of one window takes one call; nothing is called for a value but what the aggregator has to call.
"""

from __future__ import annotations

import ast
import collections
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

from rivusio_streams.aggregate import Aggregator, formula_of
from rivusio_streams.engine.generated import bound
from rivusio_streams.engine.operators.nothing import NOTHING
from rivusio_streams.formula import Formula

__all__ = ["Folding", "Switch", "written_of"]

_count: Callable[[dict[Any, int], Iterable[Any]], None] = getattr(collections, "_count_elements")  # noqa: B009
"""What `Counter` counts with, in C; it is private, and has been there since Python 3.3."""

_TEXT = """\
def bind(nothing, number{parameters}):
    def fold(keys, values, times, fresh, settled, seen):
        get, old = fresh.get, settled.get
        if settled:
            for {row} in {each}:
                a = get(k, nothing)
                if a is nothing:
                    a = old(k, nothing)
                    if a is nothing:
                        a = {create}{numbered}
                fresh[k] = {add}
        else:
            {whole}

    def scatter(keys, values, times, switch):
        begin = end = 0
        for {timed_row} in zip({timed_rows}):
            if not begin <= t < end:
                begin, end, fresh, settled, seen = switch(t)
                get, old = fresh.get, settled.get
            a = get(k, nothing)
            if a is nothing:
                a = old(k, nothing)
                if a is nothing:
                    a = {create}{numbered}
            fresh[k] = {add}

    def merge(into, others):
        get = into.get
        for k, b in others:
            a = get(k, nothing)
            into[k] = b if a is nothing else {merge}

    def results(accumulators):
        return {results}

    return fold, scatter, merge, results
"""
_WHOLE = """for {row} in {each}:
                {begin}
                fresh[k] = {add}"""
_COUNTED = """known = len(fresh)
            try:
                count(fresh, keys)
            finally:
                for k in [*islice(reversed(fresh), len(fresh) - known)][::-1]:
                    seen[k] = number()"""
_BEGIN = """a = get(k, nothing)
                if a is nothing:
                    a = {create}{numbered}"""

Switch = Callable[[int], tuple[int, int, dict[Any, Any], dict[Any, Any], dict[Any, int]]]
"""Gives the place of a time: its start and end, its accumulators by key (those of the keys that were touched since the
last snapshot, and those of the others), and the numbers of its keys."""


@dataclass(frozen=True)
class Folding:
    """The loops for one aggregator. Keys are an iterator: how far it is tells how far a loop that raised had come.

    Attributes:
        fold: items of one place: keys, values, times, and accumulators and numbers, as `Switch` gives them.
        scatter: items of several places: keys, values, times, and what gives the place of a time.
        merge: accumulators by key, and pairs of a key and an accumulator that are merged into them.
        results: of some accumulators.
        number: see `of`.
    """

    fold: Callable[[Iterable[Any], Iterable[Any], Iterable[int], dict[Any, Any], dict[Any, Any], dict[Any, int]], None]
    scatter: Callable[[Iterable[Any], Sequence[Any], Sequence[int], Switch], None]
    merge: Callable[[dict[Any, Any], Iterable[tuple[Any, Any]]], None]
    results: Callable[[Iterable[Any]], list[Any]]
    number: Callable[[], int] | None

    @staticmethod
    def of(aggregator: Aggregator[Any, Any, Any], number: Callable[[], int] | None = None) -> Folding:
        """The loops for an aggregator: with its formula if it has one, else with calls of its methods.

        Args:
            aggregator: what they do.
            number: gives each key that is seen for the first time its number.
        """
        written = written_of(aggregator)
        texts = (written.create, written.add, written.merge, written.result)
        bind = _compiled(*texts, tuple(written.names), numbers=number is not None, counts=written.counts)
        fold, scatter, merge, results = bind(NOTHING, number, *written.names.values())
        return Folding(fold, scatter, merge, results, number)


def written_of(aggregator: Aggregator[Any, Any, Any]) -> Formula:
    """The formula of an aggregator, or what calls its methods."""
    return formula_of(aggregator) or _called(aggregator)


def _called(aggregator: Aggregator[Any, Any, Any]) -> Formula:
    """What calls the methods of an aggregator; it may change accumulators, as they may."""
    timeless = aggregator.timeless
    names = {
        "create": aggregator.create,
        "add": aggregator.add if timeless else aggregator.add_at,
        "merge": aggregator.merge,
        "result": aggregator.result,
    }
    add = "{add}({a}, {v})" if timeless else "{add}({a}, {v}, {t})"
    return Formula("{create}()", add, "{merge}({a}, {b})", "{result}({a})", names)


@lru_cache(maxsize=256)
def _compiled(
    create: str, add: str, merge: str, result: str, names: tuple[str, ...], *, numbers: bool, counts: bool
) -> Callable[..., tuple[Any, ...]]:
    given = {name: f"f{index}" for index, name in enumerate(names)}
    columns = {"k": "keys", "v": "values", "t": "times"}  # keys first: when there are no more, nothing else is taken
    needed = [each for each in columns if each == "k" or f"{{{each}}}" in add]
    row, rows = ", ".join(needed), ", ".join(columns[each] for each in needed)
    variables = {"a": "a", "b": "b", "v": "v", "t": "t", "x": "x", **given}
    written = {
        name: text.format(**variables)
        for name, text in {"create": create, "add": add, "merge": merge, "result": result}.items()
    }
    numbered = "; seen[k] = number()" if numbers else ""
    if _constant(create) and not numbers:
        begin = f"a = get(k, {create})"
    else:
        begin = _BEGIN.format(create=written["create"], numbered=numbered)
    parameters = "".join(f", {name}" for name in given.values())
    each = rows if needed == ["k"] else f"zip({rows})"
    timed = "" if "t" in needed else ", t", "" if "t" in needed else ", times"
    whole = _WHOLE.format(row=row, each=each, begin=begin, add=written["add"])
    if counts:
        whole = _COUNTED if numbers else "count(fresh, keys)"
    results = "list(accumulators)" if result == "{a}" else f"[{written['result']} for a in accumulators]"
    source = _TEXT.format(
        parameters=parameters,
        row=row,
        each=each,
        timed_row=row + timed[0],
        timed_rows=rows + timed[1],
        whole=whole,
        results=results,
        numbered=numbered,
        **written,
    )
    return bound(f"<rivusio fold: {written['add']}>", source, count=_count, islice=islice)


def _constant(text: str) -> bool:
    """Made anew for each item it costs nothing."""
    try:
        return isinstance(ast.literal_eval(text), int | float | str | tuple | None)
    except (ValueError, SyntaxError):
        return False
