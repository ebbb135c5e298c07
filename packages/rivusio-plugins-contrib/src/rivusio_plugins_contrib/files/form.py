"""How the values of a field are stored: in the type that other tools expect, and readable again as they were."""

from __future__ import annotations

import datetime
import decimal
import json
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Literal, NewType, Union, cast, get_args, get_origin

from pydantic import NaiveDatetime
from pydantic_core import to_json, to_jsonable_python

from rivusio_core import ConfigError
from rivusio_plugins_contrib.files import arrow
from rivusio_plugins_contrib.members import Member, members_of
from rivusio_plugins_contrib.misfit import adapter_of, schema_of

__all__ = ["Form", "form_of"]

Change = Callable[[Any], object]  # Any: each takes what its type says


@dataclass(frozen=True)
class Form:
    """The form of one type.

    Attributes:
        type: in Arrow.
        nullable: there may be nothing.
        encode: from the value as Python has it (nested models as mappings) to what Arrow takes; never called with None
            by a nullable form. Raises ValueError, saying why without the value.
        decode: from what Arrow gives to what pydantic takes; None: as it is.
    """

    type: arrow.DataType
    nullable: bool = False
    encode: Change | None = None
    decode: Change | None = None

    def into(self, value: object) -> object:
        """What Arrow takes for a value."""
        return value if value is None or self.encode is None else self.encode(value)

    def back(self, value: object) -> object:
        """What pydantic takes for what Arrow gives."""
        return value if value is None or self.decode is None else self.decode(value)


def form_of(member: Member, owner: str) -> Form:
    """The form of a model's field.

    Raises:
        ConfigError: it cannot be stored, or pyarrow is not installed.
    """
    form = _form(member.hint, _Place(f"{owner}: field {member.name!r}"))
    return form if member.required else _empty(form)


@dataclass(frozen=True)
class _Place:
    """Where in a model a type stands: what for, and inside which models."""

    owner: str
    inside: tuple[object, ...] = ()


def _form(hint: object, place: _Place) -> Form:
    hint, metadata = _bare(hint)
    if hint is decimal.Decimal:
        return _decimal(metadata)
    if metadata and _serialised(metadata):
        return _by_schema(hint, metadata, place)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Union or origin is types.UnionType:
        rest = [each for each in arguments if each is not types.NoneType]
        if len(rest) == 1:
            return _empty(_form(rest[0], place))
        form = Form(arrow.scalar("real")) if set(rest) == {int, float} else _json(null=False)
        return _empty(form) if len(rest) < len(arguments) else form
    if origin is Literal:
        form = _choice([_value(value) for value in arguments if value is not None])
        return _empty(form) if None in arguments else form
    values = _values(hint)
    if values:
        return _choice(values)
    if origin in (list, set, frozenset) or (origin is tuple and arguments[1:] == (...,)):
        return _list(_form(arguments[0], place))
    members = members_of(hint)
    if members and hint not in place.inside:  # a model inside itself has no end as columns
        return _struct(members, _Place(place.owner, (*place.inside, hint)))
    return _by_schema(hint, metadata, place)


def _bare(hint: object) -> tuple[object, tuple[object, ...]]:
    """A type without its names and annotations, and the annotations."""
    metadata: tuple[object, ...] = ()
    while True:
        if get_origin(hint) is Annotated:
            hint, *more = get_args(hint)
            metadata += tuple(more)
        elif isinstance(hint, NewType):
            hint = cast("object", hint.__supertype__)
        elif type(hint).__name__ == "TypeAliasType":  # typing's, from Python 3.12 on, or that of typing_extensions
            hint = cast("object", cast("Any", hint).__value__)
        else:
            return hint, metadata


def _serialised(metadata: Iterable[object]) -> bool:
    return any("Serializer" in type(each).__name__ or "Serialization" in type(each).__name__ for each in metadata)


def _empty(form: Form) -> Form:
    return Form(form.type, True, form.encode, form.decode)


def _by_schema(hint: object, metadata: tuple[object, ...], place: _Place) -> Form:
    """The form of what pydantic says that it is stored as."""
    whole: Any = Annotated[(hint, *metadata)] if metadata else hint
    schema = schema_of(adapter_of(whole, place.owner), place.owner)
    kind, format_ = schema.get("type"), schema.get("format")
    if format_ == "password" and schema.get("writeOnly"):
        raise ConfigError(f"{place.owner} is a secret, which is not stored; use str, or a serializer")
    if kind == "string":
        return _text(hint, str(format_))
    plain = {"integer": "integer", "number": "real", "boolean": "boolean"}
    return Form(arrow.scalar(plain[kind])) if kind in plain else _json(null=kind is None)  # `Any` may be None


def _text(hint: object, format_: str) -> Form:
    if format_ in ("binary", "base64url"):
        return Form(arrow.scalar("bytes"))
    if format_ == "date":
        return Form(arrow.scalar("date"))
    if format_ == "date-time":
        return (
            Form(arrow.scalar("local"), encode=_local)
            if hint is NaiveDatetime
            else Form(arrow.scalar("moment"), encode=_moment)
        )
    return Form(arrow.scalar("text"), encode=None if hint is str else to_jsonable_python)


def _moment(value: object) -> object:
    if isinstance(value, datetime.datetime) and value.utcoffset() is None:
        raise ValueError("a datetime has no time zone; give it one (UTC), or declare the field as NaiveDatetime")
    return value


def _local(value: object) -> object:
    if isinstance(value, datetime.datetime) and value.utcoffset() is not None:
        raise ValueError("a NaiveDatetime has a time zone")
    return value


def _decimal(metadata: Iterable[object]) -> Form:
    found = dict[str, int]()
    for each in metadata:
        for one in (each, *getattr(each, "metadata", ())):  # a pydantic `Field` holds its constraints
            for name in ("max_digits", "decimal_places"):
                value = getattr(one, name, None)
                if isinstance(value, int):
                    found[name] = value
    if len(found) == 2 and 0 <= found["decimal_places"] <= found["max_digits"] <= 38:
        return Form(arrow.decimals(found["max_digits"], found["decimal_places"]))
    return Form(arrow.scalar("text"), encode=str)  # of any size, so no column of numbers can hold it


def _choice(values: Sequence[object]) -> Form:
    kinds = {type(value) for value in values}
    if kinds == {int} or kinds == {str}:
        return Form(arrow.scalar("integer" if kinds == {int} else "text"), encode=_value)
    return _json(null=False)


def _values(hint: object) -> list[object]:
    """The values of an enumeration; none for anything else."""
    return [member.value for member in hint] if isinstance(hint, type) and issubclass(hint, Enum) else []


def _value(choice: object) -> object:
    return choice.value if isinstance(choice, Enum) else choice


def _list(item: Form) -> Form:
    field = arrow.Field("item", item.type, item.nullable)
    encode, decode = item.into, item.back
    return Form(
        arrow.lists(field),
        encode=lambda values: [encode(value) for value in values],
        decode=None if item.decode is None else lambda values: [decode(value) for value in values],
    )


def _struct(members: tuple[Member, ...], place: _Place) -> Form:
    parts = [(each, _form(each.hint, place)) for each in members]
    forms = [(member, form if member.required else _empty(form)) for member, form in parts]

    def encode(value: Mapping[str, object]) -> object:
        return {member.column: form.into(value.get(member.column)) for member, form in forms}

    def decode(value: Mapping[str, object]) -> object:
        row = dict(value)
        for member, form in forms:
            if member.column in row:
                found = form.back(row.pop(member.column))
                if found is not None or member.required:
                    row[member.key] = found
        return row

    fields = [arrow.Field(member.column, form.type, form.nullable) for member, form in forms]
    return Form(arrow.structs(fields), encode=encode, decode=decode)


def _json(*, null: bool) -> Form:
    """JSON text: for what has no type in columns. Bytes in it must be UTF-8."""
    return Form(arrow.scalar("text"), null, encode=_to_json, decode=_from_json)


def _to_json(value: object) -> str:
    return to_json(value, by_alias=True, inf_nan_mode="constants").decode()


def _from_json(value: object) -> object:
    return json.loads(value) if isinstance(value, str) else value  # another program may have stored a map
