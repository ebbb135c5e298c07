"""Standard output for data, standard error for everything else."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from rivusio_core.stdio import Output

__all__ = ["Block", "Console", "is_watched", "table"]


@dataclass(frozen=True)
class Block:
    """One message for people: a line that says what is wrong, rows of facts, and what to do.

    Attributes:
        title: what is wrong.
        rows: facts with their names.
        advice: what to do.
    """

    title: str
    rows: Sequence[tuple[str, str]] = ()
    advice: Sequence[str] = ()


class Console:
    """The two standard streams. Control characters of foreign texts never reach a terminal."""

    def data(self, text: str) -> None:
        """Print data on standard output.

        Raises:
            BrokenPipeError: nobody reads it.
            SinkError: it cannot be written.
        """
        Output().write((text.rstrip("\n") + "\n").encode(errors="replace"))

    def json(self, value: object) -> None:
        """Print a value as JSON on standard output."""
        self.data(json.dumps(value, indent=2, ensure_ascii=False))

    def note(self, text: str) -> None:
        """Print something else on standard error."""
        _tell(_harmless(text))

    def error(self, block: Block) -> None:
        """Print a block on standard error, in colour where that is a terminal and `NO_COLOR` is not set."""
        bold, dim, plain = ("\x1b[1;31m", "\x1b[2m", "\x1b[0m") if _colour() else ("", "", "")
        width = max((len(name) for name, _ in block.rows), default=0)
        lines = [f"{bold}error:{plain} {_harmless(_indented(block.title, 0))}"]
        lines += [
            f"  {dim}{name:<{width}}{plain}  {_harmless(_indented(text, width + 4))}" for name, text in block.rows
        ]
        lines += [f"  {dim}->{plain} {_harmless(_indented(text, 5))}" for text in block.advice]
        _tell("\n".join(lines))

    def nobody_reads(self) -> None:
        """Standard output is closed: let the interpreter's last flush go nowhere, without a word."""
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def table(rows: Iterable[Sequence[str]]) -> str:
    """Columns of equal width."""
    cells = [list(row) for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))] if cells else []
    return "\n".join("  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in cells)


def _tell(text: str) -> None:
    if is_watched() is not None:
        with suppress(OSError, ValueError):  # closed: then nobody wants to know
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()


def is_watched() -> bool | None:
    """Whether standard error is a terminal; None: there is none."""
    stream: object = sys.stderr
    return None if stream is None else sys.stderr.isatty()


def _colour() -> bool:
    return bool(is_watched()) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _indented(text: str, by: int) -> str:
    return text.replace("\n", "\n" + " " * by)


def _harmless(text: str) -> str:
    return "".join(char if char.isprintable() or char in "\n\t" else "?" for char in text)
