"""Items as rows that Arrow takes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter

from rivusio_plugins_contrib.files.schema import arrow

__all__ = ["row_maker"]

T = TypeVar("T")


def row_maker(model: type[T], schema: Any) -> Callable[[T], dict[str, Any]]:  # Any: pyarrow has no types of its own
    """A function from an item to its row: values as Python has them where Arrow has a type, else their JSON form."""
    adapter: TypeAdapter[T] = TypeAdapter(model)
    native = {field.name for field in schema if _native(field.type)}
    other = set(schema.names) - native

    def row(item: T) -> dict[str, Any]:
        values = cast("dict[str, Any]", adapter.dump_python(item, include=native)) if native else {}
        if other:
            values |= _texts(cast("dict[str, Any]", adapter.dump_python(item, mode="json", include=other)), schema)
        return values

    return row


def _native(kind: Any) -> bool:
    """Whether Arrow takes the Python value itself."""
    types = arrow().types
    simple = (types.is_boolean, types.is_integer, types.is_floating, types.is_binary, types.is_timestamp, types.is_date)
    return any(test(kind) for test in simple)


def _texts(values: dict[str, Any], schema: Any) -> dict[str, Any]:
    types = arrow().types
    for name, value in values.items():
        if types.is_string(schema.field(name).type) and value is not None and not isinstance(value, str):
            values[name] = arrow_json(value)
    return values


def arrow_json(value: object) -> str:
    """Structured data as JSON text."""
    return json.dumps(value, ensure_ascii=False)
