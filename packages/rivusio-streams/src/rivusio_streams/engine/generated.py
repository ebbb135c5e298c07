"""Functions of generated text."""

from __future__ import annotations

import linecache
from collections.abc import Callable
from typing import Any, cast

__all__ = ["bound"]


def bound(name: str, source: str, **names: object) -> Callable[..., Any]:
    """The function `bind` that a text defines.

    Args:
        name: in tracebacks, which find its lines.
        source: made of expressions of this package and of attributes that a user's function reads.
        names: what the text uses.
    """
    namespace = dict(names)
    exec(compile(source, name, "exec"), namespace)
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    return cast("Callable[..., Any]", namespace["bind"])
