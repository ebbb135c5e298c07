"""The fields of a model, whatever kind of class it is: a pydantic model, a dataclass or a TypedDict."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NotRequired, Required, cast, get_args, get_origin, get_type_hints

from pydantic import AliasChoices, AliasPath, BaseModel, RootModel
from pydantic.fields import FieldInfo

from rivusio_core import ConfigError

__all__ = ["Member", "members_of", "text_of"]


@dataclass(frozen=True)
class Member:
    """A field as something outside sees it.

    Attributes:
        name: in the class.
        column: what it is called in tables and files: its serialisation alias, else its name.
        key: what validation looks for: its validation alias, else its name.
        hint: its annotation.
        required: it is always there; only the optional keys of a TypedDict are not.
    """

    name: str
    column: str
    key: str
    hint: object
    required: bool = True


def text_of(model: object) -> str:
    """A type's name, for messages."""
    return getattr(model, "__name__", None) or str(model)


def members_of(model: object) -> tuple[Member, ...]:
    """The fields that make an item, in order; none for what is no such class.

    Computed fields and those left out of serialisation are not among them.

    Raises:
        ConfigError: two fields have the same column.

    Example:
        >>> @dataclass
        ... class Order:
        ...     id: int
        ...     user: str
        >>> [member.column for member in members_of(Order)]
        ['id', 'user']
    """
    found = tuple(_members(model))
    seen = dict[str, str]()
    for member in found:
        other = seen.setdefault(member.column.lower(), member.name)  # most systems ignore case
        if other != member.name:
            raise ConfigError(f"{text_of(model)}: the fields {other!r} and {member.name!r} have the same column")
    return found


def _members(model: object) -> list[Member]:
    kind = cast("type[object]", model)
    if not isinstance(model, type):
        return []
    if issubclass(kind, BaseModel):
        return [] if issubclass(kind, RootModel) else _described(kind.model_fields)
    described = getattr(kind, "__pydantic_fields__", None)  # a dataclass of pydantic's own
    if isinstance(described, dict):
        return _described(cast("dict[str, FieldInfo]", described))
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind, include_extras=True)
        names = [each.name for each in dataclasses.fields(kind) if each.init]
        return [Member(name, name, name, hints[name]) for name in names]
    if hasattr(kind, "__required_keys__"):  # a TypedDict; typing knows only its own
        total = bool(getattr(kind, "__total__", True))
        return [_key(name, hint, total) for name, hint in get_type_hints(kind, include_extras=True).items()]
    return []


def _described(fields: Mapping[str, FieldInfo]) -> list[Member]:
    found = list[Member]()
    for name, field in fields.items():
        if not field.exclude:
            column = field.serialization_alias or field.alias or name
            found.append(Member(name, column, _validated(field) or name, field.rebuild_annotation()))
    return found


def _validated(field: FieldInfo) -> str | None:
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        return next((each for each in alias.choices if isinstance(each, str)), None)
    return None if isinstance(alias, AliasPath) else alias


def _key(name: str, hint: object, total: bool) -> Member:
    # With postponed annotations `__required_keys__` does not know of `NotRequired`: the hint does.
    origin = get_origin(hint)
    if origin is NotRequired or origin is Required:
        return Member(name, name, name, get_args(hint)[0], origin is Required)
    return Member(name, name, name, hint, total)
