"""Letters of one kind together: what failed, how often, since when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from rivusio_streams.fingerprint import Fingerprint, plain
from rivusio_streams.letters.file import Letter

__all__ = ["LetterGroup", "fingerprint_in", "grouped"]


@dataclass
class LetterGroup:
    """Letters with the same fingerprint.

    Attributes:
        id: the fingerprint.
        step: which failed.
        error: type of the first cause.
        place: file, line and function of the user's code.
        example: the reason of the first letter.
        count: how many there are.
        first, last: when the first and the last of them failed, where known.
        number: of the line of the first.
        attempts: the most that one of them was tried.
    """

    id: str
    step: str
    error: str
    place: str
    example: str
    number: int
    count: int = 0
    attempts: int = 0
    first: datetime | None = field(default=None)
    last: datetime | None = field(default=None)

    def add(self, letter: Letter) -> None:
        """Count a letter."""
        self.count += 1
        self.attempts = max(self.attempts, letter.attempts)
        since, at = letter.moment("first") or letter.moment("at"), letter.moment("at")
        self.first = min((each for each in (self.first, since) if each is not None), default=None)
        self.last = max((each for each in (self.last, at) if each is not None), default=None)

    def to_json(self) -> Mapping[str, object]:
        """As values that JSON can hold."""
        return {
            "fingerprint": self.id,
            "step": self.step,
            "error": self.error,
            "place": self.place,
            "count": self.count,
            "attempts": self.attempts,
            "first": None if self.first is None else self.first.isoformat(),
            "last": None if self.last is None else self.last.isoformat(),
            "line": self.number,
            "example": self.example,
        }


def fingerprint_in(letter: Letter) -> str:
    """The fingerprint of a letter; of one that was written without, made of what it says."""
    found = letter.text("fingerprint")
    return found or Fingerprint(letter.step, _error(letter), _place(letter), plain(letter.text("reason"))).id


def grouped(letters: Iterable[Letter]) -> tuple[list[LetterGroup], list[int]]:
    """All groups, the largest first, and the numbers of lines that are no letters."""
    found, damaged = dict[str, LetterGroup](), list[int]()
    for letter in letters:
        if letter.fields is None:
            damaged.append(letter.number)
            continue
        name = fingerprint_in(letter)
        if name not in found:
            found[name] = LetterGroup(
                name, letter.step, _error(letter), _place(letter), letter.text("reason"), letter.number
            )
        found[name].add(letter)
    return sorted(found.values(), key=lambda each: -each.count), damaged


def _error(letter: Letter) -> str:
    errors = (letter.fields or {}).get("errors")
    return str(cast("list[object]", errors)[-1]) if isinstance(errors, list) and errors else ""


def _place(letter: Letter) -> str:
    trace = (letter.fields or {}).get("trace")
    last = cast("list[object]", trace)[-1] if isinstance(trace, list) and trace else None
    return str(cast("dict[str, object]", last).get("place", "")) if isinstance(last, dict) else ""
