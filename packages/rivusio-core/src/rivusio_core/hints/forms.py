"""What an annotation is made of: unions, literals, classes and their arguments, type variables."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, ForwardRef, Literal, Never, NoReturn, TypeVar, Union, cast, get_args, get_origin

import typing_extensions

__all__ = [
    "CALLABLE",
    "Variables",
    "bound_of",
    "is_typed_dict",
    "is_union",
    "literal",
    "members",
    "plain",
    "split",
    "substitute",
    "type_variables",
    "union",
    "variable",
]

Variables = dict[TypeVar, object]
"""What type variables stand for."""

CALLABLE = cast("type", Callable)
"""The class behind `Callable[...]`, which checkers hold for a special form."""

_ALIASES: tuple[type, ...] = (
    typing_extensions.TypeAliasType,
    getattr(typing, "TypeAliasType", typing_extensions.TypeAliasType),
)
_QUALIFIERS = {typing.Required, typing.NotRequired, typing.Final, typing.ClassVar, typing_extensions.ReadOnly}
_TRUTHS = {typing.TypeGuard, typing_extensions.TypeGuard, typing_extensions.TypeIs}


def plain(form: object) -> object:
    """The type behind annotations, aliases and qualifiers; what cannot be evaluated is `Any`."""
    origin = get_origin(form)
    if origin is Annotated or origin in _QUALIFIERS:
        return plain(get_args(form)[0])
    if isinstance(form, _ALIASES) or isinstance(origin, _ALIASES):
        return plain(_alias_value(form))
    if origin in _TRUTHS:
        return bool
    if form is None:
        return types.NoneType
    if form is NoReturn:
        return Never
    if form is typing.LiteralString:
        return str
    return Any if isinstance(form, str | ForwardRef) else form


def _alias_value(form: object) -> object:
    alias = cast("Any", get_origin(form) or form)
    variables: dict[Any, object] = dict(zip(alias.__type_params__, get_args(form), strict=False))
    return substitute(alias.__value__, variables)


def is_union(form: object) -> bool:
    """It is `A | B` or `Optional[A]`."""
    return get_origin(form) in (Union, types.UnionType)


def is_typed_dict(form: object) -> bool:
    """It is a `TypedDict`, of `typing` or of `typing_extensions`."""
    return typing_extensions.is_typeddict(form)


def members(form: object) -> tuple[object, ...]:
    """The alternatives of a union or literal, flattened; of any other type the type alone."""
    form = plain(form)
    if is_union(form):
        return tuple(part for each in get_args(form) for part in members(each))
    if get_origin(form) is Literal:
        return tuple(literal(value) for value in get_args(form))
    return (form,)


def literal(value: object) -> object:
    """`Literal[value]`."""
    return cast("Any", Literal)[value]


def union(forms: Iterable[object]) -> object:
    """The union of types; `Never` of none, `Any` where the types cannot be put into one."""
    found = list[object]()
    for form in forms:
        if form is Any:
            return Any
        if form not in found:
            found.append(form)
    if not found:
        return Never
    try:
        return cast("Any", Union)[tuple(found)]
    except TypeError:
        return Any


def split(form: object) -> tuple[type | None, tuple[object, ...]]:
    """The class of a type and its arguments: `(list, (int,))`; None where it has no class."""
    if isinstance(form, type):
        model = getattr(form, "__pydantic_generic_metadata__", None)  # `Page[int]` is a class of its own in pydantic
        if model and model["origin"] is not None:
            return cast("type", model["origin"]), tuple(model["args"])
        return form, ()
    origin = get_origin(form)
    return (origin, get_args(form)) if isinstance(origin, type) else (None, ())


def variable(name: str, *constraints: object, bound: object = None) -> TypeVar:
    """A type variable made at run time, which checkers need not understand."""
    make = cast("Callable[..., TypeVar]", TypeVar)
    return make(name, *constraints, bound=bound)


def bound_of(variable: TypeVar) -> object:
    """What a type variable may stand for."""
    if variable.__constraints__:
        return union(variable.__constraints__)
    return object if variable.__bound__ is None else variable.__bound__


def type_variables(form: object) -> tuple[TypeVar, ...]:
    """The type variables in a type. A generic class without arguments has none: it stands for all of them."""
    if isinstance(form, TypeVar):
        return (form,)
    if isinstance(form, type):
        model = getattr(form, "__pydantic_generic_metadata__", None)
        found = model["parameters"] if model and model["origin"] is not None else ()
    else:
        found = getattr(form, "__parameters__", ())
    return tuple(each for each in found if isinstance(each, TypeVar))


def substitute(form: object, variables: Mapping[Any, object]) -> object:
    """The type with type variables replaced; those that are not in `variables` stay."""
    if isinstance(form, TypeVar):
        return variables.get(form, form)
    found = type_variables(form)
    if not any(each in variables for each in found):
        return form
    whole: Any = form
    parameters = whole.__parameters__ if not isinstance(form, type) else found
    try:
        return whole[tuple(variables.get(each, each) for each in parameters)]
    except TypeError:  # a replacement that the form does not take
        return Any
