"""Functions that do nothing but read an attribute or an entry, as text: a loop then reads it without a call.

`lambda order: order.user` is what most keys and times are. What it means is told from its code, and only where that is
nothing else; anything that is not known for sure is called.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR, CO_VARARGS, CO_VARKEYWORDS
from types import FunctionType
from typing import Any

__all__ = ["accessor"]

_SILENT = frozenset({"RESUME", "NOP", "CACHE", "PRECALL", "EXTENDED_ARG"})
_OTHER = CO_VARARGS | CO_VARKEYWORDS | CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR


def accessor(function: Callable[[Any], Any]) -> str | None:
    """What a function reads of its argument, `{}` standing for that; None: it has to be called.

    Functions are called where somebody watches calls: a debugger, a profiler, a measurement of coverage.

    Example:
        >>> accessor(lambda order: order.user.name), accessor(lambda row: row["at"]), accessor(lambda n: n + 1)
        ('{}.user.name', "{}['at']", None)
    """
    if not isinstance(function, FunctionType) or hasattr(function, "__wrapped__") or _watched():
        return None
    code = function.__code__
    if (
        code.co_argcount != 1
        or code.co_kwonlyargcount
        or code.co_flags & _OTHER
        or code.co_freevars
        or code.co_cellvars
    ):
        return None
    text, key = "", None
    for step in dis.get_instructions(code):
        name, value = step.opname, step.argval
        if name in _SILENT:
            continue
        if not text:
            if not (name.startswith("LOAD_FAST") and value == code.co_varnames[0]):
                return None
            text = "{}"
        elif name == "LOAD_ATTR" and key is None and isinstance(value, str) and step.argrepr == value:
            text += f".{value}"
        elif name in ("LOAD_CONST", "LOAD_SMALL_INT") and key is None and type(value) in (str, int):
            key = repr(value).replace("{", "{{").replace("}", "}}")
        elif key is not None and (name == "BINARY_SUBSCR" or (name == "BINARY_OP" and step.argrepr == "[]")):
            text, key = f"{text}[{key}]", None
        elif name == "RETURN_VALUE" and key is None and text != "{}":
            return text
        else:
            return None
    return None


def _watched() -> bool:
    monitoring = getattr(sys, "monitoring", None)  # Python 3.12
    return (
        sys.gettrace() is not None
        or sys.getprofile() is not None
        or (monitoring is not None and any(monitoring.get_tool(tool) is not None for tool in range(6)))
    )
