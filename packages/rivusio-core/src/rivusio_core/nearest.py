"""Near names for a name that nobody knows."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["did_you_mean", "nearest"]

_COMPARED = 100
"""Letters; nobody means a longer name, and comparing takes time by the square of the length."""


def nearest(name: str, known: Iterable[str], count: int = 3) -> tuple[str, ...]:
    """Up to `count` of the known names that look like `name`, the nearest first.

    >>> nearest("monitornig", ["monitoring", "streams"])
    ('monitoring',)
    """
    return tuple(get_close_matches(name[:_COMPARED], list(known), n=count))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint to put behind a message: near names, else all of them if they are few, else nothing.

    >>> did_you_mean("prot", ["port", "host"])
    "; did you mean 'port'?"
    >>> did_you_mean("x", ["port", "host"])
    '; there are host, port'
    """
    names = sorted(known)
    near = nearest(name, names)
    if near:
        return f"; did you mean {' or '.join(repr(each) for each in near)}?"
    return f"; there are {', '.join(names)}" if 0 < len(names) <= 20 else ""
