"""Types as people write them: `list[Order | None]`."""

from __future__ import annotations

import types
from typing import Any, ForwardRef, Literal, TypeVar, cast, get_args, get_origin

from rivusio_core.hints.forms import CALLABLE, is_union, plain, split

__all__ = ["type_text"]


def type_text(form: object, *, modules: bool = False) -> str:
    """A type as text; a bounded type variable as its bound.

    Args:
        form: the type.
        modules: write the module before each name, to tell apart two types of one name.

    Example:
        >>> from typing import Optional
        >>> type_text(dict[str, Optional[list[int]]])
        'dict[str, list[int] | None]'
    """
    if isinstance(form, str):
        return form
    if isinstance(form, ForwardRef):
        return form.__forward_arg__
    form = plain(form)
    if form is types.NoneType:
        return "None"
    if isinstance(form, list):
        return f"[{_listed(tuple(cast('list[object]', form)), modules)}]"
    if is_union(form):
        parts = [type_text(each, modules=modules) for each in _alternatives(form)]
        return " | ".join(sorted(dict.fromkeys(parts), key=lambda text: text == "None"))
    if get_origin(form) is Literal:
        return f"Literal[{', '.join(repr(value) for value in get_args(form))}]"
    if isinstance(form, TypeVar) and form.__bound__ is not None:
        return type_text(form.__bound__, modules=modules)
    kind, arguments = split(form)
    if kind is None:
        return _name(form, modules)
    name = "Callable" if kind is CALLABLE else _name(kind, modules)
    return f"{name}[{_listed(arguments, modules)}]" if arguments else name


def _alternatives(form: object) -> list[object]:
    """The alternatives of a union, also of unions behind aliases and annotations; literals stay together."""
    form = plain(form)
    return [part for each in get_args(form) for part in _alternatives(each)] if is_union(form) else [form]


def _listed(forms: tuple[object, ...], modules: bool) -> str:
    return ", ".join("..." if each is ... else type_text(each, modules=modules) for each in forms)


def _name(form: object, modules: bool) -> str:
    if isinstance(form, TypeVar) or form is Any:
        return str(form).removeprefix("typing.").lstrip("~+-")
    name: str = getattr(form, "__qualname__", "") or getattr(form, "__name__", "") or repr(form).replace("typing.", "")
    name = name.rpartition("<locals>.")[2]
    module: str = getattr(form, "__module__", "")
    return f"{module}.{name}" if modules and module not in ("builtins", "typing", "") else name
