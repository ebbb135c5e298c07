"""Where on a service an item leads to: a template such as `"users/{user}/orders?since={day}"`, filled from the item."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from string import Formatter
from typing import cast
from urllib.parse import quote, unquote

from rivusio_core import BadRecord

__all__ = ["checked_template", "filled", "stays_below"]

_MISSING = object()


def checked_template(path: str | Callable[..., str]) -> str | Callable[..., str]:
    """Refuse a template that cannot be filled.

    Raises:
        ValueError: saying what is wrong with it.
    """
    if isinstance(path, str):
        for _, name, form, conversion in Formatter().parse(path):
            if name is not None and (
                form or conversion or not all(map(str.isidentifier, name.split(".") if name else ()))
            ):
                raise ValueError(
                    f"{{{name}}} is no field: write {{field}}, {{field.inner}}, or {{}} for the item itself"
                )
    return path


def filled(template: str, item: object) -> str:
    """The template with the item's values, each quoted, so that none can add a segment or a parameter.

    Raises:
        BadRecord: the item lacks one of them, or it is empty or cannot stand in a path.

    Example:
        >>> filled("users/{user}?since={day}", {"user": "a/b", "day": 3})
        'users/a%2Fb?since=3'
    """
    parts = list[str]()
    for text, name, _, _ in Formatter().parse(template):
        parts.append(text)
        if name is not None:
            parts.append(_quoted(name, _value(item, name)))
    return "".join(parts)


def _value(item: object, name: str) -> object:
    value = item
    for part in name.split(".") if name else ():
        if isinstance(value, Mapping):
            value = cast("Mapping[str, object]", value).get(part, _MISSING)
        else:
            value = getattr(value, part, _MISSING)
        if value is _MISSING:
            raise BadRecord(f"the item has no {name!r}, which the path asks for")
    return value.value if isinstance(value, Enum) else value


def _quoted(name: str, value: object) -> str:
    text = "" if value is None else str(value)
    if text in ("", ".", ".."):
        raise BadRecord(f"{name or 'the item'!r} cannot stand in a path: it is empty or dots only")
    try:
        return quote(text, safe="")
    except UnicodeError:
        raise BadRecord(f"{name or 'the item'!r} cannot stand in a path: it is no Unicode text") from None


def stays_below(path: str) -> bool:
    """No segment of a path leads upwards, however it is written.

    >>> stays_below("a/b?c=.."), stays_below("a/%2e./b")
    (True, False)
    """
    segments = path.partition("?")[0].partition("#")[0].replace("\\", "/").split("/")
    return not any(unquote(segment) in (".", "..") for segment in segments)
