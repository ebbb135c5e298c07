"""The Arrow schema of a model: each field in the type that other tools expect."""

from __future__ import annotations

import datetime
import importlib
import types
from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from rivusio_core import ConfigError

__all__ = ["arrow", "schema_of"]


def arrow() -> Any:  # Any: pyarrow has no types of its own
    """pyarrow, imported when it is needed.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        importlib.import_module("pyarrow.parquet")  # heavy, and an extra
        return importlib.import_module("pyarrow")
    except ImportError as error:
        raise ConfigError(
            "Parquet files need pyarrow, which is not installed: pip install 'rivusio-plugins-contrib[parquet]'"
        ) from error


def schema_of(model: type[Any], owner: str) -> Any:  # Any: as above
    """The schema for a pydantic model, dataclass or TypedDict.

    Times are microseconds in UTC, decimals their text, nested models structs, anything else that pydantic can
    serialise JSON text.

    Raises:
        ConfigError: it has no fields, or pyarrow is not installed.
    """
    pa = arrow()
    found = _fields(model)
    if not found:
        raise ConfigError(f"{owner}: {getattr(model, '__name__', model)} has no fields; give a model or a dataclass")
    return pa.schema([pa.field(name, *_type(hint)) for name, hint in found.items()])


def _fields(model: object) -> Mapping[str, object]:
    if isinstance(model, type) and issubclass(model, BaseModel):
        return {name: field.rebuild_annotation() for name, field in model.model_fields.items()}
    if isinstance(model, type) and (hasattr(model, "__dataclass_fields__") or hasattr(model, "__total__")):
        return get_type_hints(model, include_extras=True)
    return {}


def _type(hint: object) -> tuple[Any, bool]:
    """The Arrow type, and whether it may be empty."""
    pa = arrow()
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _type(arguments[0])
    if origin is Union or isinstance(hint, types.UnionType):
        rest = [each for each in arguments if each is not types.NoneType]
        if len(rest) == 1:
            return _type(rest[0])[0], True
        return pa.string(), len(rest) < len(arguments)
    if origin is Literal:
        return (pa.int64() if all(type(value) is int for value in arguments) else pa.string()), None in arguments
    if origin in (list, tuple, set, frozenset) and arguments and (origin is not tuple or arguments[1:] == (...,)):
        return pa.list_(pa.field("item", *_type(arguments[0]))), False
    if not isinstance(hint, type):
        return pa.string(), True
    return _plain(hint), False


def _plain(hint: type) -> Any:
    pa = arrow()
    if issubclass(hint, Enum):
        return pa.int64() if issubclass(hint, int) else pa.string()
    simple = {
        bool: pa.bool_(),
        int: pa.int64(),
        float: pa.float64(),
        str: pa.string(),
        bytes: pa.binary(),
        datetime.datetime: pa.timestamp("us", tz="UTC"),
        datetime.date: pa.date32(),
    }
    for base, found in simple.items():
        if issubclass(hint, base):
            return found
    inner = _fields(hint)
    if inner:
        return pa.struct([pa.field(name, *_type(each)) for name, each in inner.items()])
    return pa.string()
