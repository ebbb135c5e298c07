"""The source text of a chain: neighbouring pipes become one loop, one statement a pipe.

Statements stay apart, so that the line of a traceback tells the pipe and the frame's variables tell the item; nested
expressions or comprehensions would run a little faster and could not say which item failed. A failed loop is not
restarted: another one takes over the same shared iterator behind the failed item (see `chain`).
"""

from __future__ import annotations

import linecache
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType
from typing import Any, Literal, cast

__all__ = ["Emission", "Kernel", "Shape", "kernel"]

Shape = tuple[str, str]
"""A step as the loop sees it: `"one"`, `"keep"` or `"flat"`; and `"call"`, `"await"` or `"iterate"` (an async flat)."""

Emission = Literal["items", "rows", "chunk"]
"""What the loop does with a result: yield it, yield it with its columns, or append it to lists and pause when full."""


@dataclass(frozen=True)
class Place:
    """A line that belongs to a step: its index, and the variable that holds its item."""

    step: int
    variable: str


@dataclass(frozen=True)
class Kernel:
    """A compiled loop. `bind(*calls)` gives the generator function; its parameters depend on the emission.

    Attributes:
        source: the text, as shown by `rivusio graph --code`.
        code: of the generator function, to find its frame in a traceback.
        places: what each line belongs to.
        is_async: the loop is an async generator.
        aligned: each row gives one result, and rows are bare values: what travels beside them need not go through.
    """

    source: str
    code: CodeType
    places: dict[int, Place]
    bind: Callable[..., Callable[..., Any]]
    is_async: bool
    aligned: bool


class _Writer:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.places: dict[int, Place] = {}
        self.depth = 0

    def line(self, text: str, place: Place | None = None) -> None:
        self.lines.append("    " * self.depth + text)
        if place is not None:
            self.places[len(self.lines)] = place


@lru_cache(maxsize=512)
def kernel(shapes: tuple[Shape, ...], emission: Emission, columns: int, counted: bool, bare: bool = False) -> Kernel:
    """The loop for steps of these shapes.

    Args:
        shapes: of the steps, in order.
        emission: where results go.
        columns: how many values travel beside an item.
        counted: count rows (`counts[-1]`) and what each filter and flat step gives (`counts[step]`).
        bare: rows are bare values; otherwise they are so only where the kernel is `aligned`.
    """
    writer = _Writer()
    is_async = any(how != "call" for _, how in shapes)
    beside = [f"c{index}" for index in range(columns)]
    calls = ", ".join(f"f{index}" for index in range(len(shapes)))
    writer.line(f"def bind({calls}):")
    writer.depth = 1
    aligned = bare or (emission == "chunk" and all(kind == "one" for kind, _ in shapes))
    if aligned:
        beside = []
    lazy = emission != "chunk"
    taken = "rows, counts, stop" if lazy else "rows, outs, counts, waited, most"
    # The calls are arguments, too: a function's own variables are read faster than those of the function around it.
    own = "".join(f", f{index}=f{index}" for index in range(len(shapes)))
    writer.line(f"{'async ' if is_async else ''}def chain({taken}{own}):")
    writer.depth = 2
    counters = [index for index, (kind, _) in enumerate(shapes) if kind != "one"]
    if emission == "chunk":
        writer.line("out = outs[0]; give = out.append")
        for index in range(len(beside)):
            writer.line(f"give{index} = outs[{index + 1}].append")
    counts_rows = counted and lazy and not bare  # an iterator over what is in memory knows how many were taken
    guarded = lazy or (counted and bool(counters))
    if guarded:
        _reset(writer, counters, counts_rows)
        writer.line("try:")
        writer.depth += 1
    writer.line(f"for {', '.join(['v0', *beside])}{',' if not beside and not aligned else ''} in rows:")
    writer.depth += 1
    loop_depth = writer.depth
    if counts_rows:
        writer.line("rows_taken += 1")
    value = _body(writer, shapes, counted)
    # A flat step can fill the lists from one item; an async one can take long over each: both let results out.
    pausing = ["waited"] * is_async + ["len(out) >= most"] * any(kind == "flat" for kind, _ in shapes)
    _emit(writer, emission, value, beside, " or ".join(pausing))
    writer.depth = loop_depth
    if lazy:
        _catch(writer)
    if guarded and (counters or counts_rows) and counted:
        writer.depth = 2
        writer.line("finally:")
        writer.depth += 1
        _store(writer, counters, counts_rows)
    if emission == "chunk":
        writer.depth = 2
        writer.line("if False: yield")
    writer.depth = 1
    writer.line("return chain")
    return _compiled(writer, shapes, emission, is_async, aligned)


def _body(writer: _Writer, shapes: tuple[Shape, ...], counted: bool) -> str:
    """One statement a step; returns the variable that holds the result."""
    value = "v0"
    for index, (kind, how) in enumerate(shapes):
        place = Place(index, value)
        call = f"{'await ' if how == 'await' else ''}f{index}({value})"
        if kind == "one":
            value = f"v{index + 1}"
            writer.line(f"{value} = {call}", place)
        elif kind == "keep":
            writer.line(f"if not {call}: continue", place)
        else:
            writer.line(f"i{index} = {call}", place)
            value = f"v{index + 1}"
            writer.line(f"i{index} = {'aiter' if how == 'iterate' else 'iter'}(i{index})", place)
            writer.line(f"{'async ' if how == 'iterate' else ''}for {value} in i{index}:", place)
            writer.depth += 1
        if counted and kind != "one":
            writer.line(f"n{index} += 1")
    return value


def _emit(writer: _Writer, emission: Emission, value: str, beside: list[str], pausing: str) -> None:
    if emission == "items":
        writer.line(f"yield {value}")
    elif emission == "rows":
        writer.line(f"yield {', '.join([value, *beside])}{',' if not beside else ''}")
    else:
        writer.line("; ".join([f"give({value})", *(f"give{name[1:]}({name})" for name in beside)]))
        if pausing:
            writer.line(f"if {pausing}: yield")


def _reset(writer: _Writer, counters: list[int], counts_rows: bool) -> None:
    if counts_rows:
        writer.line("rows_taken = 0")
    for index in counters:
        writer.line(f"n{index} = 0")


def _catch(writer: _Writer) -> None:
    """Whoever asks for results would see the error: it is told to who made the loop, and the loop just ends."""
    writer.depth = 2
    writer.line("except GeneratorExit: raise")
    writer.line("except BaseException as error: stop(error)")


def _store(writer: _Writer, counters: list[int], counts_rows: bool) -> None:
    if counts_rows:
        writer.line("counts[-1] += rows_taken")
    for index in counters:
        writer.line(f"counts[{index}] += n{index}")


def _compiled(writer: _Writer, shapes: tuple[Shape, ...], emission: Emission, is_async: bool, aligned: bool) -> Kernel:
    source = "\n".join(writer.lines) + "\n"
    name = f"<rivusio {emission}: {' '.join('-'.join(shape) for shape in shapes)}>"
    namespace: dict[str, object] = {}
    exec(compile(source, name, "exec"), namespace)  # the text is made here, of indices alone
    linecache.cache[name] = (len(source), None, writer.lines, name)
    bind = cast("Callable[..., Callable[..., Any]]", namespace["bind"])
    code = next(each for each in bind.__code__.co_consts if isinstance(each, CodeType))
    return Kernel(source, code, writer.places, bind, is_async, aligned)
