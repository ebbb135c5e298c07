"""Failures that are the same: of one step, of one type, at one place of the code, with like messages."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

from rivusio_core.errors import PipeError
from rivusio_core.frames import users_frame

__all__ = ["Fingerprint", "causes_of", "fingerprint_of", "place_of", "plain"]

_LONGEST = 200
"""Characters of a message that count; the rest of a long one is most often data."""
_VARYING = re.compile(r"[\w.:+/-]*\d[\w.:+/-]*")
"""A word with a digit in it: a number, a time, an id, a line of a file."""
_KNOWN = 4096
"""Places that are remembered; finding one means reading a traceback."""


@dataclass(frozen=True)
class Fingerprint:
    """What failures have in common.

    Attributes:
        step: which failed.
        error: the type of the first cause.
        place: file, line and function of the user's code that raised it; empty where that is not known.
        message: the message, with `#` for words that hold digits.

    Example:
        >>> one = Fingerprint("price", "BadRecord", "shop.py:7 in price", plain("no price for item 17"))
        >>> one.message, one == Fingerprint("price", "BadRecord", one.place, plain("no price for item 4"))
        ('no price for item #', True)
    """

    step: str
    error: str
    place: str
    message: str

    @property
    def id(self) -> str:
        """8 hexadecimal digits."""
        text = "\0".join((self.step, self.error, self.place, self.message))
        return hashlib.blake2b(text.encode(errors="replace"), digest_size=4).hexdigest()

    def __str__(self) -> str:
        message = f": {self.message}" if self.message else ""
        return f"{self.step}: {self.error}{f' at {self.place}' if self.place else ''}{message}"


def plain(message: str) -> str:
    """A message without what differs from item to item: words that hold digits become `#`, and its end is cut.

    >>> plain("order 7f3a-11: 12.50 EUR is too much")
    'order # # EUR is too much'
    """
    return _VARYING.sub("#", message[:_LONGEST])


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """An error, its cause, the cause of that, and so on; each once."""
    found: BaseException | None = error
    seen = set[int]()
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        found = found.__cause__ or (found.cause if isinstance(found, PipeError) else None)


_places: dict[tuple[CodeType, int], str] = {}


def place_of(error: BaseException) -> str:
    """Where an exception came from: `file.py:12 in function`; empty where that is not known."""
    trace = error.__traceback__
    if trace is None:
        return ""
    while trace.tb_next is not None:
        trace = trace.tb_next
    spot = (trace.tb_frame.f_code, trace.tb_lineno)
    found = _places.get(spot)
    if found is None:
        frame = users_frame(error)
        found = "" if frame is None else f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}"
        if len(_places) >= _KNOWN:
            _places.clear()
        _places[spot] = found
    return found


def fingerprint_of(error: PipeError) -> Fingerprint:
    """The fingerprint of a failure."""
    *_, first = causes_of(error)
    # The text of a foreign exception may quote its item; type and place tell it apart.
    told = next((each for each in causes_of(error) if isinstance(each, PipeError) and each.args and each.args[0]), None)
    return Fingerprint(error.pipe, type(first).__name__, place_of(first), plain(str(told.args[0]) if told else ""))
