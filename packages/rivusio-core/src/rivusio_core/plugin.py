"""One loaded plugin: typed calls of its hooks, each failure told as a fault of that plugin.

Every plugin has a pluggy manager of its own. So a registration that fails half-way leaves nothing behind (in a shared
manager the hooks seen before the fault stay, pluggy#733), and no plugin can stop, order or wrap another one's hooks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar, cast

import pluggy
from pydantic import BaseModel

from rivusio_core.errors import ConfigError, PluginError, PluginLoadError, PluginTypeError, PluginVersionError
from rivusio_core.hooks import API_VERSION, HookSpecs
from rivusio_core.import_failure import ImportFailure
from rivusio_core.listener import Listener, RunInfo
from rivusio_core.nearest import did_you_mean
from rivusio_core.registry import Registration

__all__ = ["Plugin"]

T = TypeVar("T")
_PREFIX = "rivusio_"
_HOOKS = tuple(sorted(name for name in vars(HookSpecs) if name.startswith(_PREFIX)))


class _Calls(Protocol):
    """The hooks as they are called through pluggy, which knows no types: what plugins return must be looked at."""

    def rivusio_register(self, *, registry: Registration) -> list[None]: ...
    def rivusio_settings(self) -> object: ...
    def rivusio_listeners(self, *, run: RunInfo, settings: BaseModel | None) -> object: ...


class Plugin:
    """A plugin whose module was imported.

    Attributes:
        name: that of its entry point.
        distribution: name and version of the distribution that brings it.

    Raises:
        PluginVersionError: it says another `RIVUSIO_API`.
        PluginTypeError: a hook implementation is misspelt, unmarked, or takes parameters that the hook has not.
    """

    def __init__(self, name: str, distribution: str, target: object) -> None:
        self.name = name
        self.distribution = distribution
        self._check_version(target)
        self._check_marks(target)
        manager = pluggy.PluginManager("rivusio")
        manager.add_hookspecs(HookSpecs)
        try:
            manager.register(target, name)
            manager.check_pending()
        except pluggy.PluginValidationError as error:
            raise self._wrong(str(error).replace("\n", " ")) from None
        self._calls = cast("_Calls", manager.hook)

    def __repr__(self) -> str:
        return f"<plugin {self.name} of {self.distribution}>"

    def _check_version(self, target: object) -> None:
        asked: object = getattr(target, "RIVUSIO_API", API_VERSION)
        if asked != API_VERSION:
            raise PluginVersionError(
                f"plugin {self.name!r} of {self.distribution} was written for version {asked!r} of the plugin "
                f"interface; this rivusio-core has version {API_VERSION}. Install matching versions of both",
                plugin=self.name,
                distribution=self.distribution,
            )

    def _check_marks(self, target: object) -> None:
        if isinstance(target, type):
            raise self._wrong("the entry point names a class; let it name a module, or an object with the hooks")
        for name in dir(target):
            found: object = getattr(target, name, None)
            if not name.startswith(_PREFIX) or not callable(found) or isinstance(found, type):
                continue
            if name not in _HOOKS and hasattr(found, "rivusio_impl"):
                raise self._wrong(f"there is no hook {name!r}{did_you_mean(name, _HOOKS)}")
            if name in _HOOKS and not hasattr(found, "rivusio_impl"):
                raise self._wrong(f"{name} is not marked: put @hookimpl (from rivusio_core.hooks) over it")

    def register(self, registration: Registration) -> None:
        """Let the plugin register what it brings.

        Raises:
            PluginError: it registers something wrong, or raised.
        """
        self._guarded("rivusio_register", lambda: self._calls.rivusio_register(registry=registration))

    def settings_model(self) -> type[BaseModel] | None:
        """The model of its section in configurations; None if it has no settings.

        Raises:
            PluginError: the hook gives something else, or raised.
        """
        model = self._guarded("rivusio_settings", self._calls.rivusio_settings)
        if model is None or (isinstance(model, type) and issubclass(model, BaseModel)):
            return model
        raise self._wrong("rivusio_settings must return a class of pydantic models")

    def listeners(self, run: RunInfo, settings: BaseModel | None) -> tuple[Listener, ...]:
        """Its listeners for one run.

        Raises:
            ConfigError: as raised by the hook: its settings cannot be had (an address in use, say).
            PluginError: the hook gives something else, or raised another error.
        """
        given = self._guarded(
            "rivusio_listeners", lambda: self._calls.rivusio_listeners(run=run, settings=settings), ConfigError
        )
        if given is None:
            return ()
        each = tuple(cast("list[object]", given)) if isinstance(given, list | tuple) else (given,)
        wrong = [type(one).__name__ for one in each if not isinstance(one, Listener)]
        if wrong:
            raise self._wrong(f"rivusio_listeners gives a {wrong[0]}, which is no Listener")
        return cast("tuple[Listener, ...]", each)

    def _guarded(self, hook: str, call: Callable[[], T], *passed: type[Exception]) -> T:
        kept: tuple[type[Exception], ...] = (PluginError, *passed)
        try:
            return call()
        except kept:
            raise
        except (Exception, SystemExit) as error:
            raise PluginLoadError(
                f"plugin {self.name!r} of {self.distribution}: {hook} raised {ImportFailure.of(error)}",
                plugin=self.name,
                distribution=self.distribution,
            ) from error

    def _wrong(self, message: str) -> PluginTypeError:
        return PluginTypeError(
            f"plugin {self.name!r} of {self.distribution}: {message}",
            plugin=self.name,
            distribution=self.distribution,
        )
