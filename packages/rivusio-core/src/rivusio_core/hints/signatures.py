"""The types that functions declare."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeGuard, cast, get_args, get_origin

import typing_extensions

from rivusio_core.hints.generics import evaluate

__all__ = ["function_types", "names_of", "predicate_types"]


def function_types(function: Callable[..., object]) -> tuple[object, object]:
    """The type of the first parameter and of the result; `Any` where it is not written or cannot be evaluated."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # written in C
        return Any, Any
    globals_, locals_ = names_of(function)

    def type_of(annotation: object) -> object:
        return Any if annotation is inspect.Signature.empty else evaluate(annotation, globals_, locals_)

    first = next(iter(signature.parameters.values()), None)
    return Any if first is None else type_of(first.annotation), type_of(signature.return_annotation)


def names_of(function: Callable[..., object]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The globals of a function, and the variables of enclosing functions that it uses: where its annotations look."""
    bare = inspect.unwrap(getattr(function, "func", function))
    if not hasattr(bare, "__code__"):
        bare = getattr(bare, "__func__", None) or getattr(cast("object", type(bare)), "__call__", bare)  # noqa: B004  # a callable object
    names: tuple[str, ...] = getattr(getattr(bare, "__code__", None), "co_freevars", ())
    variables = dict[str, Any]()
    for name, cell in zip(names, getattr(bare, "__closure__", None) or (), strict=False):
        try:
            variables[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    return getattr(bare, "__globals__", {}), variables


def predicate_types(predicate: Callable[..., object]) -> tuple[object, object | None]:
    """What a predicate takes, and what it narrows to: `X` of `TypeIs[X]` or `TypeGuard[X]`, else None."""
    takes, gives = function_types(predicate)
    narrows = get_origin(gives) in (TypeGuard, typing_extensions.TypeGuard, typing_extensions.TypeIs)
    return takes, get_args(gives)[0] if narrows else None
