"""Values to bytes and back: tagged MessagePack.

Nothing is pickled. Reading imports nothing and calls no code of users, but for upcasts: a type is looked up by its name
among the modules that are imported already, and must be a dataclass, a pydantic model, a named tuple or an enum, whose
fields are put back as they were.

Example:
    >>> codec = Codec()
    >>> codec.decode(codec.encode({("ada", 1): [1.5, {2, 3}]}))
    {('ada', 1): [1.5, {2, 3}]}
    >>> codec.encode(object())
    Traceback (most recent call last):
    ...
    rivusio_core.errors.StateError: a object cannot be kept in a checkpoint; ...
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable, Hashable, Mapping, Sequence
from enum import Enum
from typing import Any, cast

from pydantic import BaseModel
from pydantic_core import from_json, to_json

from rivusio_core.errors import CheckpointCorrupt, CheckpointError, CheckpointMismatch, StateError
from rivusio_streams.state.pack import Tagged, array_header, pack, tagged, unpack
from rivusio_streams.state.plain import PLAIN, parts_of
from rivusio_streams.state.schema import found_type, is_named_tuple, name_of, schema_of
from rivusio_streams.state.upcast import Upcast

__all__ = ["Codec"]

_PLAIN, _ENUM, _INSTANCE = 1, 2, 3
_ADVICE = "make it a dataclass, a pydantic model, a named tuple, or plain values"
_PATHS: dict[str, type[pathlib.PurePath]] = {
    "PurePosixPath": pathlib.PurePosixPath,
    "PureWindowsPath": pathlib.PureWindowsPath,
    "PosixPath": pathlib.Path,
    "WindowsPath": pathlib.Path,
}


class Codec:
    """Makes bytes of values, and values of bytes.

    None, booleans, integers, floats, texts, bytes, lists, tuples, sets, dicts with any keys, deques, counters, dates
    and times, decimals, fractions, UUIDs, paths, enum members, dataclasses, pydantic models and named tuples come back
    equal and of the same type, inside one another, too; a bytearray comes back as bytes.

    Args:
        upcasts: for types that have changed since; those of one type in the order of its versions.
    """

    def __init__(self, upcasts: Sequence[Upcast] = ()) -> None:
        self.upcasted = False
        """A value was read that was kept as an earlier version of its type."""
        self._upcasts = upcasts
        self._met: dict[str, bytes] = {}

    def schemas(self) -> Mapping[str, bytes]:
        """The fields of all types that were met, as JSON, by name and fingerprint."""
        return self._met

    # ------------------------------------------------------------------------------------------------- to bytes

    def encode(self, value: object) -> bytes:
        """A value as bytes.

        Raises:
            StateError: it is, or holds, something that cannot be kept.
        """
        try:
            return pack(value, self._ext)
        except (ValueError, OverflowError, RecursionError) as error:  # nested without end, or all too large
            raise StateError(f"a {type(value).__name__} cannot be kept in a checkpoint: {error}") from error

    def encode_key(self, key: object) -> bytes:
        """A key as bytes: equal keys of one type give equal bytes.

        Keys that are equal and of different types (1, 1.0 and True) give different ones: a step must not mix them.
        """
        if isinstance(key, frozenset):  # which gives its members in any order
            members = sorted(self.encode_key(each) for each in cast("frozenset[object]", key))
            data = b"".join((b"\x92", self.encode("frozenset"), b"\x91", array_header(len(members)), *members))
            return self.encode(tagged(_PLAIN, data))
        return self.encode(key)

    def _ext(self, value: object) -> Tagged:
        plain = parts_of(value)
        if plain is not None:
            tag, parts = plain
            return tagged(_PLAIN, self.encode([tag, parts]))
        kind: type[Any] = type(value)
        if isinstance(value, Enum):
            return tagged(_ENUM, self.encode([name_of(kind), _member(value)]))
        if isinstance(value, BaseModel):
            private = cast("dict[str, object] | None", value.__pydantic_private__)
            fields: object = [value.__dict__, value.__pydantic_extra__, private, sorted(value.model_fields_set)]
        elif dataclasses.is_dataclass(kind):
            own = [each.name for each in dataclasses.fields(kind)]
            fields = {name: getattr(value, name) for name in own if hasattr(value, name)}
        elif is_named_tuple(kind):
            fields = cast("Any", value)._asdict()
        else:
            raise StateError(f"a {kind.__qualname__} cannot be kept in a checkpoint; {_ADVICE}")
        schema = schema_of(cast("Hashable", kind))
        label = _label(kind)
        if label not in self._met:
            self._met[label] = to_json(dict(schema.fields))
        try:
            return tagged(_INSTANCE, self.encode([label, fields]))
        except StateError as error:
            raise StateError(f"{kind.__qualname__}: {error}") from error.__cause__

    # ------------------------------------------------------------------------------------------------- from bytes

    def decode(self, data: bytes) -> Any:
        """The value of bytes; see `reader`."""
        return self.reader({})(data)

    def reader(self, schemas: Mapping[str, bytes]) -> Callable[[bytes], Any]:
        """Reads values.

        Args:
            schemas: kept with them; for messages.

        Raises:
            CheckpointCorrupt: (when called) the bytes are damaged.
            CheckpointMismatch: (when called) a type has changed or is gone.
        """

        def hook(code: int, data: bytes) -> Any:
            tag, content = read(data)
            if code == _PLAIN:
                return _PATHS[content[0]](content[1]) if tag == "path" else PLAIN[tag][2](*content)
            if code == _ENUM:
                return _enum(tag, content)
            if code == _INSTANCE:
                return self._instance(tag, content, schemas)
            raise ValueError(f"unknown tag {code}")

        def read(data: bytes) -> Any:
            return unpack(data, hook)

        def decoded(data: bytes) -> Any:
            try:
                return read(data)
            except CheckpointError:
                raise
            except Exception as error:
                raise CheckpointCorrupt(f"a kept value cannot be read ({type(error).__name__})") from error

        return decoded

    def _instance(self, label: str, content: Any, schemas: Mapping[str, bytes]) -> Any:
        name, _, since = label.partition("#")
        kind = found_type(name)
        if kind is not None and label == _safe_label(kind):
            return _rebuilt(kind, content)
        first = next(
            (index for index, each in enumerate(self._upcasts) if each.since == since and _is_of(each, name, kind)),
            None,
        )
        if first is None:
            raise CheckpointMismatch(_changed(name, since, kind, schemas.get(label)))
        fields, target = dict(content[0] if isinstance(content, list) else content), self._upcasts[first].type
        for each in self._upcasts[first:]:
            if each.type is target:
                fields = each.change(fields)
        self.upcasted = True
        try:
            return target.model_validate(fields) if issubclass(target, BaseModel) else target(**fields)
        except Exception as error:
            raise CheckpointMismatch(
                f"{name}: what the upcasts since {since} give is no {target.__qualname__} ({type(error).__name__})"
            ) from error


def _is_of(upcast: Upcast, name: str, kind: type | None) -> bool:
    return upcast.name == name if upcast.name is not None else upcast.type is kind


_labels: dict[type, str] = {}


def _label(kind: type) -> str:
    found = _labels.get(kind)
    if found is None:
        found = _labels[kind] = schema_of(kind).label
    return found


def _safe_label(kind: type) -> str:
    try:
        return _label(kind)
    except StateError:  # it is none of the kinds that are kept
        return ""


def _member(value: Enum) -> object:
    return value.name if value.name in type(value).__members__ else value.value  # a combination of flags has no name


def _enum(name: str, member: Any) -> Any:
    kind = found_type(name)
    if kind is None or not issubclass(kind, Enum):
        raise CheckpointMismatch(f"the enum {name} is not there any more; import it, or begin anew")
    if isinstance(member, str) and member in kind.__members__:
        return kind.__members__[member]
    try:
        return kind(member)
    except ValueError:
        raise CheckpointMismatch(f"the enum {name} has no member {member!r} any more") from None


def _rebuilt(kind: type, content: Any) -> Any:
    """An instance with the very fields that it had: nothing of its class is called, it might refuse or change them."""
    if issubclass(kind, BaseModel):
        values, extra, private, fields_set = content
        made: Any = kind.__new__(kind)
        object.__setattr__(made, "__dict__", values)
        object.__setattr__(made, "__pydantic_extra__", extra)
        object.__setattr__(made, "__pydantic_private__", private)
        object.__setattr__(made, "__pydantic_fields_set__", set(fields_set))
        return made
    if is_named_tuple(kind):
        named: Any = kind
        return tuple.__new__(named, [content[each] for each in named._fields])
    made = object.__new__(kind)
    for name, value in content.items():
        object.__setattr__(made, name, value)
    return made


def _changed(name: str, since: str, kind: type | None, earlier: bytes | None) -> str:
    if kind is None:
        return (
            f"the type {name} is not there any more; import it before the run, or say what became of it: "
            f'RunConfig(upcasts=[Upcast(NewType, "{since}", change, name="{name}")])'
        )
    fields = cast("dict[str, str]", from_json(earlier)) if earlier else {}
    schema = schema_of(cast("Hashable", kind))
    what = f": {schema.difference(fields)}" if earlier else ""
    return (
        f"the type {name} has changed since{what}; say how to read what was kept: "
        f'RunConfig(upcasts=[Upcast({kind.__qualname__}, "{since}", change)]), where change is given the earlier '
        "fields as a dict and gives the new ones"
    )
