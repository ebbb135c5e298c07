"""Models as flat rows: what a table or column file can hold of a pydantic model, dataclass or TypedDict."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar, cast

from pydantic import TypeAdapter, ValidationError
from pydantic.json_schema import GenerateJsonSchema

from rivusio_core import BadRecord, ConfigError

__all__ = ["Column", "Rows"]

T = TypeVar("T")
Kind = Literal["integer", "real", "boolean", "bytes", "text", "json"]


class _Schema(GenerateJsonSchema):
    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012  # pydantic's; defaults do not matter


@dataclass(frozen=True)
class Column:
    """A field as a column.

    Attributes:
        name: of the field.
        kind: what is stored. `json` is structured data as JSON text; `text` holds everything else that has a text
            form: dates and times as ISO 8601, decimals, identifiers.
        optional: it may be empty.
    """

    name: str
    kind: Kind
    optional: bool


class Rows(Generic[T]):
    """Turns items into rows and back.

    Args:
        model: a pydantic model, a dataclass or a TypedDict.
        owner: for messages.

    Raises:
        ConfigError: the model has no fields.
    """

    def __init__(self, model: type[T], owner: str) -> None:
        self.model = model
        self._adapter: TypeAdapter[T] = TypeAdapter(model)
        schema = cast("Mapping[str, Any]", self._adapter.json_schema(mode="serialization", schema_generator=_Schema))
        found = _resolved(schema, schema).get("properties")
        if not found:
            name = getattr(model, "__name__", str(model))
            raise ConfigError(f"{owner}: {name} has no fields; give a pydantic model, a dataclass or a TypedDict")
        self.columns = tuple(_column(name, each, schema) for name, each in found.items())
        self._json = [column.name for column in self.columns if column.kind == "json"]
        self._bytes = [column.name for column in self.columns if column.kind == "bytes"]

    def encode(self, item: T) -> tuple[object, ...]:
        """The values of an item's columns.

        Raises:
            ValueError: it cannot be serialised.
        """
        without = set(self._bytes)  # JSON has no bytes
        values = cast("dict[str, Any]", self._adapter.dump_python(item, mode="json", exclude=without or None))
        if without:
            values |= cast("dict[str, Any]", self._adapter.dump_python(item, include=without))
        for name in self._json:
            if values[name] is not None:
                values[name] = json.dumps(values[name], ensure_ascii=False)
        return tuple(values[column.name] for column in self.columns)

    def decode(self, values: Mapping[str, object], where: str) -> T:
        """The item of a row.

        Raises:
            BadRecord: it is no such item; the message says where and which columns, without their contents.
        """
        row = dict(values)
        try:
            for name in self._json:
                if isinstance(row.get(name), str):
                    row[name] = json.loads(cast("str", row[name]))
            return self._adapter.validate_python(row)
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_input=False)
            )
            raise BadRecord(f"{where}: {faults}") from None
        except json.JSONDecodeError:
            raise BadRecord(f"{where}: a column of structured data is no JSON") from None


def _resolved(part: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in part:
        part = schema["$defs"][part["$ref"].rpartition("/")[2]]
    return part


def _column(name: str, part: Mapping[str, Any], schema: Mapping[str, Any]) -> Column:
    part = _resolved(part, schema)
    choices = [_resolved(each, schema) for each in part.get("anyOf", [part])]
    kinds = {_kind(each) for each in choices if each.get("type") != "null"}
    optional = any(each.get("type") == "null" for each in choices)
    if len(kinds) == 1:
        return Column(name, kinds.pop(), optional)
    mixed: Kind = "real" if kinds == {"integer", "real"} else "text" if kinds <= {"text", "real"} else "json"
    return Column(name, mixed, optional)


def _kind(part: Mapping[str, Any]) -> Kind:
    kinds: dict[str, Kind] = {"integer": "integer", "number": "real", "boolean": "boolean", "string": "text"}
    if part.get("type") == "string" and part.get("format") == "binary":
        return "bytes"
    if "enum" in part or "const" in part:
        values = part.get("enum", [part.get("const")])
        return "integer" if all(type(value) is int for value in values) else "text"
    return kinds.get(str(part.get("type")), "json")
