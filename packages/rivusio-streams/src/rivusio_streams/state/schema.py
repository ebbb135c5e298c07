"""The fields of a type, and a fingerprint of them: stored with values, so that a changed type is noticed."""

from __future__ import annotations

import dataclasses
import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from pydantic import BaseModel
from pydantic_core import to_json

from rivusio_core.errors import StateError

__all__ = ["Schema", "found_type", "is_named_tuple", "name_of", "schema_of"]


@dataclass(frozen=True)
class Schema:
    """What a type looks like.

    Attributes:
        name: `module:QualifiedName`.
        fields: by name: what they are annotated with, as text.
    """

    name: str
    fields: Mapping[str, str]

    @property
    def fingerprint(self) -> str:
        """12 hexadecimal digits; others for other fields or annotations."""
        return hashlib.blake2b(to_json(sorted(self.fields.items())), digest_size=6).hexdigest()

    @property
    def label(self) -> str:
        """Name and fingerprint."""
        return f"{self.name}#{self.fingerprint}"

    def difference(self, earlier: Mapping[str, str]) -> str:
        """What has changed since it had other fields, in words."""
        now = self.fields
        parts = [f"{each!r} is new" for each in now if each not in earlier]
        parts += [f"{each!r} is gone" for each in earlier if each not in now]
        both = [each for each in now if each in earlier and now[each] != earlier[each]]
        return ", ".join(parts + [f"{each!r} was {earlier[each]} and is {now[each]}" for each in both])


@cache
def schema_of(kind: type) -> Schema:
    """The schema of a dataclass, pydantic model or named tuple.

    Raises:
        StateError: it is none of these, or cannot be found by its name when it is read again.
    """
    if issubclass(kind, BaseModel):
        fields = {name: _text(each.annotation) for name, each in kind.model_fields.items()}
    elif dataclasses.is_dataclass(kind):
        fields = {each.name: _text(each.type) for each in dataclasses.fields(kind)}
    elif is_named_tuple(kind):
        hints = cast("dict[str, object]", getattr(kind, "__annotations__", {}))
        fields = {name: _text(hints.get(name, Any)) for name in cast("Any", kind)._fields}
    else:
        raise StateError(f"a {kind.__qualname__} cannot be kept")
    return Schema(name_of(kind), fields)


def name_of(kind: type) -> str:
    """The name by which a type is found again.

    Raises:
        StateError: it would not be.
    """
    name = f"{kind.__module__}:{kind.__qualname__}"
    if found_type(name) is not kind:
        raise StateError(f"the class {kind.__qualname__} cannot be found in {kind.__module__}; define it at its top")
    return name


def found_type(name: str) -> type | None:
    """The type of a name, in modules that are imported already: nothing is imported for a checkpoint."""
    module, _, path = name.partition(":")
    found: object = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    return found if isinstance(found, type) else None


def is_named_tuple(kind: type) -> bool:
    """It was made by NamedTuple or namedtuple."""
    return issubclass(kind, tuple) and isinstance(getattr(kind, "_fields", None), tuple)


def _text(annotation: object) -> str:
    if isinstance(annotation, str):
        return annotation
    return annotation.__qualname__ if type(annotation) is type else str(annotation).replace("typing.", "")
