"""Generic classes: what a class says about the arguments of its bases, and how arguments vary."""

from __future__ import annotations

import sys
from collections import abc
from types import SimpleNamespace
from typing import Any, Literal, TypeAlias, get_origin, get_type_hints

from rivusio_core.hints.forms import members, split, substitute, type_variables, union

__all__ = ["Variance", "arguments_as", "evaluate", "item_type", "variances"]

Variance: TypeAlias = Literal["co", "contra", "invariant", "unknown"]

_COVARIANT: tuple[type, ...] = (
    abc.Iterable, abc.Iterator, abc.Reversible, abc.Container, abc.Collection, abc.Sequence, abc.Set,
    abc.AsyncIterable, abc.AsyncIterator, abc.Awaitable, abc.KeysView, abc.ValuesView, type, frozenset,
)  # fmt: skip
_VARIANCES: dict[type, tuple[Variance, ...]] = {
    abc.Mapping: ("invariant", "co"),
    abc.Generator: ("co", "contra", "co"),
    abc.AsyncGenerator: ("co", "contra"),
    abc.Coroutine: ("co", "contra", "co"),
}
_VARIANCES.update(dict.fromkeys(_COVARIANT, ("co",)))

_TEXT: dict[type, object] = {str: str, bytes: int, bytearray: int, memoryview: int, range: int}


def variances(kind: type, count: int) -> list[Variance]:
    """How each argument of a generic class varies."""
    known: list[Variance] = list(_VARIANCES.get(kind, ()))
    if len(known) != count:
        known = [_variance(each) for each in _parameters(kind)]
    return known if len(known) == count else [_variance(None) for _ in range(count)]


def _variance(parameter: object) -> Variance:
    if getattr(parameter, "__infer_variance__", False):
        return "unknown"  # PEP 695: only a checker, which reads the class, knows
    if getattr(parameter, "__covariant__", False):
        return "co"
    return "contra" if getattr(parameter, "__contravariant__", False) else "invariant"


def _parameters(kind: type) -> tuple[object, ...]:
    model = getattr(kind, "__pydantic_generic_metadata__", None)
    if model:
        return tuple(model["parameters"])
    # `class ByName(dict[str, T])` takes an argument without deriving from Generic: no `__parameters__`.
    bases = kind.__dict__.get("__orig_bases__", ())
    unlisted = dict.fromkeys(each for base in bases for each in type_variables(base))
    return tuple(getattr(kind, "__parameters__", ()) or unlisted)


def arguments_as(form: object, base: type) -> tuple[object, ...] | None:
    """The arguments of `base` that a type says by deriving from it; None: it says nothing.

    Example:
        >>> class Names(list[str]): ...
        >>> arguments_as(Names, abc.Iterable)
        (<class 'str'>,)
    """
    kind, arguments = split(form)
    if kind is None:
        return None
    if kind is base:
        return arguments or None
    known = _builtin(kind, arguments, base)
    if known is not None:
        return known
    variables = dict(zip(_parameters(kind), arguments, strict=False)) or dict.fromkeys(_parameters(kind), Any)
    for each in kind.__dict__.get("__orig_bases__", kind.__bases__):
        found = arguments_as(substitute(_evaluated(each, kind), variables), base)
        if found is not None:
            return found
    return None


def _builtin(kind: type, arguments: tuple[object, ...], base: type) -> tuple[object, ...] | None:
    """Arguments of an abstract collection as a builtin one has them."""
    if kind.__module__ not in ("builtins", "collections", "collections.abc", "typing") or not _takes(base):
        return None
    single = len(_VARIANCES.get(base, ("co",))) == 1
    if kind in _TEXT:
        return (_TEXT[kind],) if single else None
    if not arguments:
        return None
    if kind is tuple:
        return (union(each for each in arguments if each is not ...),)
    if kind is abc.Coroutine:
        return (arguments[-1],)
    if issubclass(kind, abc.Mapping) and issubclass(base, abc.Mapping):
        return arguments if len(arguments) == 2 else None  # key and value; a Counter has one
    return arguments[:1] if single else arguments


def _takes(base: type) -> bool:
    return base in _VARIANCES or base in (list, set, dict, abc.MutableSequence, abc.MutableMapping, abc.MutableSet)


def _evaluated(form: object, owner: type) -> object:
    """A base class with the names in its arguments looked up where the class was written, one by one: some may fail."""
    kind, arguments = split(form)
    if kind is None or not arguments:
        return form
    names: dict[str, Any] = getattr(sys.modules.get(owner.__module__), "__dict__", {})
    whole: Any = get_origin(form) or kind
    return whole[tuple(evaluate(each, names, {owner.__name__: owner}) for each in arguments)]


def evaluate(form: object, globals_: dict[str, Any], locals_: dict[str, Any]) -> object:
    """An annotation with all names looked up; `Any` where one cannot be found."""
    holder = SimpleNamespace(__annotations__={"it": form})
    try:
        found: object = get_type_hints(holder, globals_, locals_, include_extras=True)["it"]
    except Exception:  # noqa: BLE001  # a NameError, or whatever evaluating the text raises
        return Any
    return found


def item_type(form: object) -> object:
    """What iterating over a type gives; None: it cannot be iterated over, `Any`: nobody knows."""
    found = list[object]()
    for each in members(form):
        kind, _ = split(each)
        if each is Any or kind is None:
            return Any
        if not issubclass(kind, abc.Iterable | abc.AsyncIterable):
            return None
        base = abc.Iterable if issubclass(kind, abc.Iterable) else abc.AsyncIterable
        arguments = arguments_as(each, base)
        if arguments is None or type_variables(arguments[0]):
            return Any if arguments is None else arguments[0]
        found.append(arguments[0])
    return union(found)
