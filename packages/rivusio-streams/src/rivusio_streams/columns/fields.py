"""The fields of a row type, and the columns that hold them."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from operator import attrgetter, itemgetter
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from pydantic import BaseModel, TypeAdapter

from rivusio_core.errors import DefinitionError
from rivusio_core.hints.text import type_text

if TYPE_CHECKING:
    import polars

__all__ = ["Fields"]


@dataclasses.dataclass(frozen=True)
class Fields:
    """What the rows of a type consist of.

    Attributes:
        types: by name of the field: the type of its column.
        optional: the fields that may be None.
        values: gives the values of a row, in the order of the fields.
        rows: makes rows of the values of each.
    """

    types: Mapping[str, polars.DataType]
    optional: frozenset[str]
    values: Callable[[Any], Sequence[Any]]  # Any: a row, whose type `Layout` knows
    rows: Callable[[Iterable[Sequence[Any]]], list[Any]]

    @classmethod
    def of(cls, model: type) -> Fields:
        """The fields of a model of pydantic's, a dataclass, a named tuple or a TypedDict.

        Raises:
            DefinitionError: it is something else, or a field is of a type that no column has.
        """
        hints = _hints(model)
        columns, optional = dict[str, Any](), set[str]()
        for name, hint in hints.items():
            inner, nullable = _without_none(hint)
            found = _column(inner)
            if found is None:
                raise DefinitionError(
                    f"{model.__name__}.{name} is of type {type_text(hint)}, and columns hold numbers, text, bytes, "
                    "truth values, dates, times, durations and lists of these; convert it in a pipe before"
                )
            columns[name] = found
            if nullable:
                optional.add(name)
        return cls(columns, frozenset(optional), _getter(model, [*hints]), _maker(model, [*hints]))


def _hints(model: type) -> dict[str, Any]:
    if not isinstance(model, type):
        raise DefinitionError(f"columns() takes the type of a row, not {model!r}")
    if issubclass(model, BaseModel):
        hints = {name: field.annotation for name, field in model.model_fields.items()}
    elif dataclasses.is_dataclass(model):
        own = get_type_hints(model)
        hints = {field.name: own[field.name] for field in dataclasses.fields(model) if field.init}
    elif is_typeddict(model) or hasattr(model, "_fields"):
        hints = get_type_hints(model)
    else:
        raise DefinitionError(
            f"columns() takes a pydantic model, a dataclass, a NamedTuple or a TypedDict; {model.__name__} is none"
        )
    if not hints:
        raise DefinitionError(f"{model.__name__} has no fields, so it has no columns")
    return hints


def _without_none(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) is Annotated:
        return _without_none(get_args(hint)[0])
    if get_origin(hint) in (Union, types.UnionType):
        others = [each for each in get_args(hint) if each is not type(None)]
        if len(others) == 1 and len(others) < len(get_args(hint)):
            return _without_none(others[0])[0], True
    return hint, False


def _column(hint: Any) -> polars.DataType | None:
    import polars  # here and elsewhere in this room: it takes long

    simple: dict[Any, Any] = {
        int: polars.Int64(),
        float: polars.Float64(),
        str: polars.String(),
        bytes: polars.Binary(),
        bool: polars.Boolean(),
        date: polars.Date(),
        time: polars.Time(),
        datetime: polars.Datetime("us", "UTC"),
        timedelta: polars.Duration("us"),
    }
    if isinstance(hint, type) and hint in simple:
        return cast("polars.DataType", simple[hint])
    if get_origin(hint) is Literal and all(isinstance(each, str) for each in get_args(hint)):
        return polars.String()
    if get_origin(hint) is list:
        inner, _ = _without_none(get_args(hint)[0])
        found = _column(inner)
        return None if found is None else polars.List(found)
    return None


def _getter(model: type, names: list[str]) -> Callable[[Any], Sequence[Any]]:
    get: Callable[[Any], Any] = itemgetter(*names) if is_typeddict(model) else attrgetter(*names)
    return (lambda row: (get(row),)) if len(names) == 1 else get


def _maker(model: type, names: list[str]) -> Callable[[Iterable[Sequence[Any]]], list[Any]]:
    if issubclass(model, BaseModel):
        adapter = TypeAdapter(list[model])  # type: ignore[valid-type]  # it is one at runtime

        def validated(rows: Iterable[Sequence[Any]]) -> list[Any]:
            return adapter.validate_python([dict(zip(names, row, strict=True)) for row in rows], by_name=True)

        return validated
    if is_typeddict(model):
        return lambda rows: [dict(zip(names, row, strict=True)) for row in rows]
    if dataclasses.is_dataclass(model):
        return lambda rows: [model(**dict(zip(names, row, strict=True))) for row in rows]
    return lambda rows: [model(*row) for row in rows]
