"""One section of a configuration against its pydantic model: every fault at once, with its place."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, TypeVar, cast, get_args, get_origin

from pydantic import AliasChoices, AliasPath, BaseModel, SecretBytes, SecretStr, ValidationError

from rivusio_core.errors import ConfigError, Fault
from rivusio_core.layers import Table
from rivusio_core.nearest import did_you_mean

__all__ = ["field_names", "known_paths", "validated"]

Model = TypeVar("Model", bound=BaseModel)
_SECRETS: tuple[object, ...] = (SecretStr, SecretBytes)


def field_names(model: type[BaseModel]) -> set[str]:
    """The names that a model takes its fields by."""
    return {name for names in _fields(model).values() for name in names}


def known_paths(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of all settings of a model, those of the models inside it included."""
    for field, names in _fields(model).items():
        inner = _inner(model.model_fields[field].annotation)
        for name in names:
            yield (*path, name)
            if inner is not None and len(path) < 8:  # a model may contain itself
                yield from known_paths(inner, (*path, name))


def validated(model: type[Model], table: Table, path: tuple[str, ...] = ()) -> tuple[Model, dict[str, object]]:
    """The section as its model, and as the plain values that gave it.

    Text from the environment and the command line stays text where the setting takes text; where it is refused and
    looks like a JSON list or object, it is read as one.

    Args:
        model: of the section.
        table: what was given.
        path: of the section, for messages.

    Raises:
        ConfigError: with all faults of the section.
    """
    faults = list(_unknown(model, table, path))
    values = _known_only(model, table)
    try:
        valid = model.model_validate(values)
    except (ValidationError, ConfigError) as error:  # the latter from a model that tells its faults itself
        values = _with_json(values, table, _problems(model, error))
        try:
            valid = model.model_validate(values)
        except (ValidationError, ConfigError) as second:
            faults += [_fault(loc, message, table, path) for loc, message in _problems(model, second)]
            raise ConfigError(faults=faults) from None
    if faults:
        raise ConfigError(faults=faults)
    return valid, values


def _fields(model: type[BaseModel]) -> dict[str, tuple[str, ...]]:
    """The names that each field is taken by."""
    found: dict[str, tuple[str, ...]] = {}
    by_name = bool(model.model_config.get("populate_by_name") or model.model_config.get("validate_by_name"))
    for name, info in model.model_fields.items():
        aliases = tuple(_names(info.validation_alias or info.alias))
        found[name] = (*aliases, *((name,) if by_name or not aliases else ()))
    return found


def _names(alias: str | AliasPath | AliasChoices | None) -> Iterator[str]:
    match alias:
        case None:
            return
        case str():
            yield alias
        case AliasChoices():
            for choice in alias.choices:
                yield from _names(choice)
        case AliasPath():
            yield str(alias.path[0])


def _inner(annotation: object) -> type[BaseModel] | None:
    """The model that a setting is, also where it may be None."""
    if get_origin(annotation) is Annotated:
        return _inner(get_args(annotation)[0])
    if isinstance(annotation, type):
        return annotation if issubclass(annotation, BaseModel) else None
    models = [inner for each in get_args(annotation) if (inner := _inner(each)) is not None]
    others = [each for each in get_args(annotation) if _inner(each) is None and each is not type(None)]
    return models[0] if len(models) == 1 and not others else None


def _inner_by_name(model: type[BaseModel]) -> dict[str, type[BaseModel] | None]:
    inner = {field: _inner(info.annotation) for field, info in model.model_fields.items()}
    return {name: inner[field] for field, names in _fields(model).items() for name in names}


def _unknown(model: type[BaseModel], table: Table, path: tuple[str, ...]) -> Iterator[Fault]:
    if model.model_config.get("extra") == "allow":
        return
    known = _inner_by_name(model)
    for name, child in table.children.items():
        if name not in known:
            yield Fault(f"no such setting{did_you_mean(name, known)}", ".".join((*path, name)), child.where)
        elif isinstance(child, Table) and (inner := known[name]) is not None:
            yield from _unknown(inner, child, (*path, name))


def _known_only(model: type[BaseModel], table: Table) -> dict[str, object]:
    """Without the unknown names, which are told already."""
    known = _inner_by_name(model)
    every = model.model_config.get("extra") == "allow"
    values: dict[str, object] = {}
    for name, child in table.children.items():
        if not isinstance(child, Table):
            if every or name in known:
                values[name] = child.value
        elif (inner := known.get(name)) is not None:
            values[name] = _known_only(inner, child)
        elif every or name in known:
            values[name] = child.plain()
    return values


_Loc = tuple[int | str, ...]
_Problems = list[tuple[_Loc, str]]
"""What a model refuses: where, and why; without any value."""


def _problems(model: type[BaseModel], error: ValidationError | ConfigError) -> _Problems:
    if isinstance(error, ConfigError):
        return [(_parts(fault.path), fault.message) for fault in error.faults]
    found = _Problems()
    for each in error.errors(include_input=False, include_url=False):
        message = each["msg"].removeprefix("Value error, ")
        cause: object = each.get("ctx", {}).get("error")
        if isinstance(cause, ConfigError):
            found += [((*each["loc"], *_parts(fault.path)), fault.message) for fault in cause.faults]
            continue
        if each["type"] == "value_error" and _is_secret(model, each["loc"]):
            message = "is refused (the value is secret and not shown)"
        elif each["type"] == "missing":
            message = "is missing"
        found.append((each["loc"], message))
    return found


def _parts(path: str) -> tuple[str, ...]:
    return tuple(path.split(".")) if path else ()


def _with_json(values: Mapping[str, object], table: Table, problems: _Problems) -> dict[str, object]:
    changed = cast("dict[str, object]", _copied(values))
    for path, leaf in table.leaves():
        if not leaf.text or not any(loc[: len(path)] == path for loc, _ in problems):
            continue
        text = str(leaf.value).strip()
        if text[:1] not in ("[", "{"):
            continue
        try:
            read: object = json.loads(text)
        except (ValueError, RecursionError):
            continue
        holder: Any = changed  # nested dictionaries
        for part in path[:-1]:
            holder = holder[part]
        holder[path[-1]] = read
    return changed


def _copied(value: object) -> object:
    """A copy of the tables, not of the values."""
    if not isinstance(value, dict):
        return value
    return {name: _copied(each) for name, each in cast("dict[str, object]", value).items()}


def _fault(loc: _Loc, message: str, table: Table, path: tuple[str, ...]) -> Fault:
    # Parts of loc that name a branch of a union, not a setting, would only confuse.
    shown = [str(part) for part in loc if isinstance(part, int) or _is_name(part)]
    return Fault(message, ".".join((*path, *shown)), table.where_of(loc))


def _is_name(part: str) -> bool:
    return part.replace("_", "a").replace("-", "a").isalnum()


def _is_secret(model: type[BaseModel], loc: _Loc) -> bool:
    for part in loc:
        by_name = {name: field for field, names in _fields(model).items() for name in names}
        if part not in by_name:
            return False
        annotation: object = model.model_fields[by_name[str(part)]].annotation
        if _mentions_secret(annotation):
            return True
        inner = _inner(annotation)
        if inner is None:
            return False
        model = inner
    return False


def _mentions_secret(annotation: object) -> bool:
    return any(annotation is each for each in _SECRETS) or any(_mentions_secret(each) for each in get_args(annotation))
