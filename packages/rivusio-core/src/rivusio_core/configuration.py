"""The configuration of a pipe: read off its annotations or parameters once, validated by a pydantic model."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from rivusio_core.errors import ConfigError, DefinitionError, Fault
from rivusio_core.hints.signatures import names_of
from rivusio_core.nearest import did_you_mean
from rivusio_core.resource import Use
from rivusio_core.state import StateMark

__all__ = ["Configuration"]


class Configuration:
    """Names and types of the settings of a pipe, of its run-time state, and of the resources that it uses.

    Attributes:
        owner: name of the class or function, for messages.
        fields: names of the settings.
        state: names of the attributes that a run fills in, `uses` included.
        uses: the resource behind each attribute or parameter annotated with `Use`.
    """

    def __init__(self, owner: str, hints: Mapping[str, object], defaults: Mapping[str, object]) -> None:
        self.owner = owner
        marks = {name: _use(hint) for name, hint in hints.items()}
        self.uses: dict[str, Use] = {name: use for name, use in marks.items() if use is not None}
        self.state = frozenset(self.uses) | {name for name in hints if isinstance(defaults.get(name), StateMark)}
        self._hints = {name: hint for name, hint in hints.items() if name not in self.state}
        self._defaults = defaults
        self.fields: tuple[str, ...] = tuple(self._hints)
        self._model: type[BaseModel] | None = None

    @classmethod
    def of_class(cls, owner: type) -> Configuration:
        """The configuration that the annotations of a pipe class declare, inherited ones included."""
        hints, defaults = dict[str, object](), dict[str, object]()
        marked: Any = Annotated  # checkers take `Annotated[object, use]` for a type, in which a variable cannot stand
        for base in reversed(owner.__mro__):
            inherited = base.__dict__.get("_configuration")
            if base is not owner and isinstance(inherited, Configuration):
                hints |= inherited._hints | dict.fromkeys(inherited.state, object)
                hints |= {name: marked[object, use] for name, use in inherited.uses.items()}
                defaults |= inherited._defaults
        own = {name: hint for name, hint in _hints(owner).items() if name in owner.__dict__.get("__annotations__", {})}
        hints |= {name: hint for name, hint in own.items() if get_origin(hint) is not ClassVar and hint is not ClassVar}
        for name in own:
            if name in owner.__dict__:
                defaults[name] = owner.__dict__[name]
                if isinstance(owner.__dict__[name], StateMark):
                    delattr(owner, name)  # so that reading it before setup() is an error
        return cls(owner.__name__, hints, defaults)

    @classmethod
    def of_function(cls, function: Callable[..., object]) -> Configuration:
        """The configuration that the keyword-only parameters of a function declare."""
        hints = _hints(function)
        parameters = inspect.signature(function).parameters.values()
        own = [each for each in parameters if each.kind is each.KEYWORD_ONLY]
        defaults = {each.name: each.default for each in own if each.default is not each.empty}
        return cls(function.__name__, {each.name: hints.get(each.name, object) for each in own}, defaults)

    @property
    def defaults(self) -> dict[str, object]:
        """The settings that need not be given, as they were written."""
        return {name: self._defaults[name] for name in self.fields if name in self._defaults}

    @property
    def model(self) -> type[BaseModel]:
        """The pydantic model; made on first use, since few configurations are ever shown."""
        if self._model is None:
            settings = ConfigDict(
                extra="forbid", validate_default=True, arbitrary_types_allowed=True, hide_input_in_errors=True
            )
            pairs: dict[str, tuple[object, object]] = {
                name: (hint, self._defaults.get(name, ...)) for name, hint in self._hints.items()
            }
            make: Callable[..., type[BaseModel]] = create_model  # its overloads do not take a computed set of fields
            self._model = make(self.owner, __config__=settings, **pairs)
        return self._model

    def validate(self, given: Mapping[str, object]) -> dict[str, object]:
        """The settings, complete with defaults and converted to their types.

        Raises:
            ConfigError: listing every setting that is missing, unknown or wrong.
        """
        if not self.fields and not given:
            return {}
        try:
            valid = self.model.model_validate(dict(given))
        except ValidationError as error:
            raise ConfigError(f"{self.owner}: wrong configuration", faults=self._faults(error)) from None
        return {name: getattr(valid, name) for name in self.fields}

    def _faults(self, error: ValidationError) -> list[Fault]:
        faults = list[Fault]()
        for each in error.errors(include_input=False, include_url=False, include_context=False):
            path = ".".join(str(part) for part in each["loc"])
            message = each["msg"]
            if each["type"] == "extra_forbidden":
                message = (
                    f"no such setting{did_you_mean(path, self.fields)}" if self.fields else "there are no settings"
                )
            faults.append(Fault(message, path))
        return faults


def _hints(owner: type | Callable[..., object]) -> dict[str, object]:
    try:
        return get_type_hints(owner, include_extras=True)
    except NameError:  # perhaps of an annotation that says nothing about settings, such as the item's
        return {name: _hint(owner, name, annotation) for name, annotation in _annotations(owner).items()}


def _annotations(owner: type | Callable[..., object]) -> dict[str, object]:
    """What the settings and states of a class or function are annotated with, as text where it was left as text."""
    if isinstance(owner, type):
        return dict(owner.__dict__.get("__annotations__", {}))
    parameters = inspect.signature(owner).parameters.values()
    return {each.name: each.annotation for each in parameters if each.kind is each.KEYWORD_ONLY}


def _hint(owner: type | Callable[..., object], name: str, annotation: object) -> object:
    if isinstance(owner, type):
        globals_, locals_ = vars(sys.modules[owner.__module__]), dict(vars(owner))
    else:
        globals_, locals_ = names_of(owner)
    holder = type("Holder", (), {"__annotations__": {name: annotation}})
    try:
        return get_type_hints(holder, globals_, locals_, include_extras=True)[name]
    except NameError as error:
        if isinstance(getattr(owner, name, None), StateMark) and "Annotated" not in str(annotation):
            return object  # its type is only for checkers
        raise DefinitionError(
            f"{owner.__qualname__}: the annotation of {name!r} names {error.name!r}, which is not there at run time; "
            "import it at module level, outside `if TYPE_CHECKING`"
        ) from error


def _use(hint: object) -> Use | None:
    if get_origin(hint) is not Annotated:
        return None
    found = [mark for mark in get_args(hint)[1:] if isinstance(mark, Use)]
    return found[0] if found else None
