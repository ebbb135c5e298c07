"""Items that a pipe may change as it likes: every attempt gets one that equals the item that came in.

An item is copied before each attempt, so that the one that came in stays as it came, for the next attempt and for the
dead letter. What cannot be changed is not copied: whether an item is such is found out by a function for its type.
"""

from __future__ import annotations

import copy
import datetime
import decimal
import fractions
import pathlib
import types
import uuid
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, Final, TypeAlias

from pydantic import BaseModel

from rivusio_core.errors import PipeTypeError, describe

__all__ = ["fresh", "is_immutable", "pristine"]

Check: TypeAlias = Callable[[Any], bool]  # Any: an item of the type that the check was made for

_ATOMS = frozenset(
    {
        *(int, float, complex, bool, str, bytes, range, type(None), type(...), type(NotImplemented)),
        *(datetime.date, datetime.time, datetime.datetime, datetime.timedelta, datetime.timezone),
        *(decimal.Decimal, fractions.Fraction, uuid.UUID),
        *(pathlib.PurePosixPath, pathlib.PureWindowsPath, pathlib.PosixPath, pathlib.WindowsPath),
        *(type, types.FunctionType, types.BuiltinFunctionType),
    }
)
"""Types whose values never change. Of these types exactly: a subclass may have attributes."""

_HEAP_TYPE: Final = 1 << 9
"""`Py_TPFLAGS_HEAPTYPE`: a class that was made by a `class` statement."""
_NOTHING: Final = types.MappingProxyType(dict[str, object]())

_checks: dict[type, Check] = {}
_MOST_CHECKS = 4_096
"""Classes that are made at run time, again and again, must not be kept for ever."""


def pristine(call: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The call, made with `fresh(item)`.

    Example:
        >>> def take_first(items: list[str]) -> str:
        ...     return items.pop(0)
        >>> items = ["a", "b"]
        >>> pristine(take_first)(items), items
        ('a', ['a', 'b'])
    """

    def called(item: object) -> object:
        return call(item if type(item) in _ATOMS else fresh(item))

    return called


def fresh(item: object) -> object:
    """A deep copy of an item, or the item itself where neither it nor anything in it can be changed.

    Raises:
        PipeTypeError: the item cannot be copied.
    """
    if is_immutable(item):
        return item
    try:
        return copy.deepcopy(item)
    except Exception as error:
        raise PipeTypeError(
            f"an item of type {type(item).__name__} cannot be copied, which `retry` does so that each attempt gets it "
            f"as it came ({describe(error)}); give the type a `__deepcopy__`, or say `Retry(copy=False)` if the pipe "
            "does not change its items"
        ) from error


def is_immutable(item: object) -> bool:
    """Nothing in the item can be changed, as far as its type shows: an unknown type counts as one that can be.

    Example:
        >>> is_immutable(("a", 1, frozenset({2}))), is_immutable(("a", []))
        (True, False)
    """
    kind = type(item)
    if kind in _ATOMS:
        return True
    check = _checks.get(kind)
    if check is None:
        if len(_checks) >= _MOST_CHECKS:
            _checks.clear()
        check = _checks[kind] = _check_of(kind)
    try:
        return check(item)
    except RecursionError:  # nested too deeply to tell: copying it says what is wrong
        return False


def _check_of(kind: type) -> Check:
    if _is_frozen_dataclass(kind) or _is_frozen_struct(kind):
        return _of_attributes(kind)
    if issubclass(kind, Enum | type):
        return _always
    if kind is frozenset or (issubclass(kind, tuple) and kind.__dictoffset__ == 0):  # named tuples too
        return _all_immutable
    if issubclass(kind, BaseModel) and kind.model_config.get("frozen"):
        return _model_is_immutable
    return _never


def _is_frozen_dataclass(kind: type) -> bool:
    """It, and not only a class that it is derived from: a subclass that is no dataclass may do as it likes."""
    params = vars(kind).get("__dataclass_params__")
    of_python = all(base is object or base.__flags__ & _HEAP_TYPE for base in kind.__mro__)  # not one made of a list
    return params is not None and params.frozen and of_python


def _is_frozen_struct(kind: type) -> bool:
    """Of msgspec, which need not be installed."""
    config = getattr(kind, "__struct_config__", None)
    return config is not None and bool(getattr(config, "frozen", False))


def _of_attributes(kind: type) -> Check:
    slots = [
        name
        for base in kind.__mro__
        for name, value in vars(base).items()
        if isinstance(value, types.MemberDescriptorType)
    ]

    def check(item: object) -> bool:
        held = getattr(item, "__dict__", _NOTHING)
        return _all_immutable(held.values()) and _all_immutable([getattr(item, name, None) for name in slots])

    return check


def _model_is_immutable(item: BaseModel) -> bool:
    # Private attributes of a frozen model can be set all the same.
    return not item.__pydantic_private__ and _all_immutable((*vars(item).values(), *(item.model_extra or {}).values()))


def _all_immutable(items: Iterable[object]) -> bool:
    for item in items:  # noqa: SIM110 - written out, since this is called for every item that is looked into
        if type(item) not in _ATOMS and not is_immutable(item):
            return False
    return True


def _always(_: object) -> bool:
    return True


def _never(_: object) -> bool:
    return False
