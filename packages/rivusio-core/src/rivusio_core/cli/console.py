"""Standard output for data, standard error for everything else."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

__all__ = ["Block", "Console", "table"]


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
        """
        sys.stdout.buffer.write((text.rstrip("\n") + "\n").encode(errors="replace"))
        sys.stdout.buffer.flush()

    def json(self, value: object) -> None:
        """Print a value as JSON on standard output."""
        self.data(json.dumps(value, indent=2, ensure_ascii=False))

    def note(self, text: str) -> None:
        """Print something else on standard error."""
        with suppress(OSError, ValueError):  # closed: then nobody wants to know
            print(_harmless(text), file=sys.stderr, flush=True)  # noqa: T201  # this is where printing is at home

    def error(self, block: Block) -> None:
        """Print a block on standard error, in colour where that is a terminal and `NO_COLOR` is not set."""
        bold, dim, plain = ("\x1b[1;31m", "\x1b[2m", "\x1b[0m") if _colour() else ("", "", "")
        width = max((len(name) for name, _ in block.rows), default=0)
        lines = [f"{bold}error:{plain} {_harmless(_indented(block.title, 0))}"]
        lines += [
            f"  {dim}{name:<{width}}{plain}  {_harmless(_indented(text, width + 4))}" for name, text in block.rows
        ]
        lines += [f"  {dim}->{plain} {_harmless(_indented(text, 5))}" for text in block.advice]
        with suppress(OSError, ValueError):
            print("\n".join(lines), file=sys.stderr, flush=True)  # noqa: T201  # this is where printing is at home

    def nobody_reads(self) -> None:
        """Standard output is closed: let the interpreter's last flush go nowhere, without a word."""
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def table(rows: Iterable[Sequence[str]]) -> str:
    """Columns of equal width."""
    cells = [list(row) for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))] if cells else []
    return "\n".join("  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in cells)


def _colour() -> bool:
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _indented(text: str, by: int) -> str:
    return text.replace("\n", "\n" + " " * by)


def _harmless(text: str) -> str:
    return "".join(char if char.isprintable() or char in "\n\t" else "?" for char in text)
