"""Whether values of one type may go where another is taken: the rules of PEP 484 as far as run time sees them.

In doubt the answer is yes: type checkers are the strict ones.
"""

from __future__ import annotations

import types
from collections.abc import MutableMapping
from enum import Enum
from typing import Any, Literal, Never, NewType, TypeVar, cast, get_args, get_origin, get_type_hints

from rivusio_core.hints.forms import (
    CALLABLE,
    Variables,
    bound_of,
    is_typed_dict,
    is_union,
    literal,
    members,
    plain,
    split,
    type_variables,
    union,
)
from rivusio_core.hints.generics import Variance, arguments_as, variances

__all__ = ["assignable"]


def assignable(source: object, target: object, found: Variables | None = None) -> bool:
    """Whether a value of type `source` may go where `target` is taken.

    Args:
        source: the type that is given.
        target: the type that is taken.
        found: what type variables of both sides stand for; added to. The two sides share no type variables.

    Example:
        >>> assignable(int, float | None), assignable(list[int], list[float])
        (True, False)
    """
    found = {} if found is None else found
    source, target = plain(source), plain(target)
    if source is target or source is Any or source is Never or target is Any or target is object:
        return True
    if isinstance(target, TypeVar):
        return _bind_target(source, target, found)
    if is_union(target):
        return _into_union(members(source), members(target), found)
    parts = members(source)
    if len(parts) > 1:
        return all(assignable(part, target, found) for part in parts)
    if isinstance(source, TypeVar):
        return _bind_source(source, target, found)
    return _atom(next(iter(parts)), target, found)


def _try(source: object, target: object, found: Variables) -> bool:
    before = dict(found)
    if assignable(source, target, found):
        return True
    found.clear()
    found.update(before)
    return False


def _bind_target(source: object, target: TypeVar, found: Variables) -> bool:
    if target in type_variables(source):
        return True
    if target in found:
        known = found[target]
        if not _try(source, known, found):
            found[target] = union([known, source])
        return True
    outer = bound_of(source) if isinstance(source, TypeVar) else source
    if target.__constraints__:
        fitting = [each for each in target.__constraints__ if _try(outer, each, found)]
        if fitting:
            found[target] = fitting[0]
        return bool(fitting)
    if not assignable(outer, bound_of(target), found):
        return False
    found[target] = source
    return True


def _bind_source(source: TypeVar, target: object, found: Variables) -> bool:
    if source in found:
        return assignable(found[source], target, found)
    bound = bound_of(source)
    if bound is not object and _try(bound, target, found):
        return True  # whatever it stands for fits: it stays open
    if source in type_variables(target) or not assignable(target, bound, found):
        return source in type_variables(target)
    found[source] = target
    return True


def _into_union(sources: tuple[object, ...], targets: tuple[object, ...], found: Variables) -> bool:
    """Concrete alternatives come before generic ones, and bare type variables take what is left together."""
    concrete = [each for each in targets if not type_variables(each)]
    generic = [each for each in targets if type_variables(each) and not isinstance(each, TypeVar)]
    left = list[object]()
    for source in sources:
        if isinstance(source, TypeVar) and source not in found and any(isinstance(each, TypeVar) for each in targets):
            left.append(source)
        elif not any(_try(source, each, found) for each in (*concrete, *generic)):
            values = _values(source)
            if not values or not all(any(_try(value, each, found) for each in concrete) for value in values):
                left.append(source)
    bare = [each for each in targets if isinstance(each, TypeVar)]
    return not left or any(_try(union(left), each, found) for each in bare)


def _values(source: object) -> list[object]:
    """All values of a type that has few of them, as literals."""
    if source is bool:
        return [literal(True), literal(False)]
    if isinstance(source, type) and issubclass(source, Enum):
        return [literal(each) for each in source]
    return []


def _atom(source: object, target: object, found: Variables) -> bool:
    """Neither side is a union or a type variable."""
    if get_origin(target) is Literal:
        return _into_literal(source, target, found)
    if get_origin(source) is Literal:
        return assignable(cast("object", type(get_args(source)[0])), target, found)
    if isinstance(target, NewType):
        while isinstance(source, NewType):
            if source is target:
                return True
            source = source.__supertype__
        return False
    if isinstance(source, NewType):
        return assignable(source.__supertype__, target, found)
    (given, _), (taken, arguments) = split(source), split(target)
    if given is None or taken is None:
        return True
    if is_typed_dict(taken) or is_typed_dict(given):
        return _typed_dict(given, taken, target, found)
    if taken is CALLABLE:
        return _callable(source, given, target, found)
    return _class(source, given, taken, arguments, found)


def _into_literal(source: object, target: object, found: Variables) -> bool:
    if get_origin(source) is Literal:
        value = get_args(source)[0]
        return any(type(value) is type(each) and value == each for each in get_args(target))
    values = _values(source)
    return bool(values) and all(_into_literal(value, target, found) for value in values)


def _typed_dict(given: type, taken: type, target: object, found: Variables) -> bool:
    if not is_typed_dict(taken):
        if issubclass(taken, MutableMapping):  # a plain dict could be given further keys, or lose some
            return False
        return assignable(dict[str, object], target, found)
    if not is_typed_dict(given):
        return False
    try:
        keys, wanted = get_type_hints(given), get_type_hints(taken)
    except Exception:  # noqa: BLE001  # a name that cannot be found at run time
        return True
    required: frozenset[str] = cast("Any", taken).__required_keys__
    own: frozenset[str] = cast("Any", given).__required_keys__
    if not required <= own:
        return False
    return all(assignable(keys[name], wanted[name], found) for name in wanted if name in keys)


def _callable(source: object, given: type, target: object, found: Variables) -> bool:
    if given is not CALLABLE:
        return issubclass(given, type) or any("__call__" in each.__dict__ for each in given.__mro__)
    if not get_args(source) or not get_args(target):
        return True
    (own, result), (wanted, wanted_result) = get_args(source), get_args(target)
    if isinstance(own, list) and isinstance(wanted, list):
        pairs = list(zip(cast("list[object]", wanted), cast("list[object]", own), strict=False))
        if len(own) != len(wanted) or not all(assignable(each, mine, found) for each, mine in pairs):  # pyright: ignore[reportUnknownArgumentType]
            return False
    return assignable(result, wanted_result, found)


def _class(source: object, given: type, taken: type, arguments: tuple[object, ...], found: Variables) -> bool:
    if _promoted(given, taken):
        return True
    if getattr(taken, "_is_protocol", False) and taken not in given.__mro__:
        return _protocol(given, taken)
    try:
        fits = issubclass(given, taken)
    except TypeError:
        return True
    if not fits or not arguments:
        return fits
    own = arguments_as(source, taken)
    if own is None:
        return True
    if taken is tuple:
        return _tuple(own, arguments, found)
    if len(own) != len(arguments):
        return True
    triples = zip(own, arguments, variances(taken, len(arguments)), strict=True)
    return all(_argument(mine, theirs, variance, found) for mine, theirs, variance in triples)


def _promoted(given: type, taken: type) -> bool:
    """The numeric tower of PEP 484, which the classes themselves do not know."""
    return (taken is float and issubclass(given, int)) or (taken is complex and issubclass(given, int | float))


def _protocol(given: type, taken: type) -> bool:
    if not getattr(taken, "_is_runtime_protocol", False):
        return True  # its members may be made in `__init__`, where they cannot be seen
    try:
        return issubclass(given, taken)
    except TypeError:  # a protocol with attributes
        return True


def _tuple(own: tuple[object, ...], wanted: tuple[object, ...], found: Variables) -> bool:
    if any(isinstance(each, types.GenericAlias) and getattr(each, "__unpacked__", False) for each in (*own, *wanted)):
        return True
    endless, endless_wanted = ... in own, ... in wanted
    if endless_wanted:
        return all(assignable(each, wanted[0], found) for each in own if each is not ...)
    if endless or len(own) != len(wanted):
        return False
    return all(assignable(mine, theirs, found) for mine, theirs in zip(own, wanted, strict=True))


def _argument(mine: object, theirs: object, variance: Variance, found: Variables) -> bool:
    if variance == "contra":
        return assignable(theirs, mine, found)
    if variance == "co" or type_variables(mine) or type_variables(theirs):
        return assignable(mine, theirs, found)
    if variance == "unknown":
        return assignable(mine, theirs, found) or assignable(theirs, mine, found)
    return assignable(mine, theirs, found) and assignable(theirs, mine, found)
