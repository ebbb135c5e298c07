"""The hooks that a plugin may implement: registration and collection, never the data path.

Mark an implementation with `@hookimpl`; it may leave out parameters that it does not need. One plugin is asked at a
time, in a `try` of its own (see `plugins`), so that a broken one harms no other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import pluggy
from pydantic import BaseModel

from rivusio_core.listener import Listener, RunInfo

if TYPE_CHECKING:  # only named in signatures
    from rivusio_core.registry import Registration

__all__ = ["API_VERSION", "HookSpecs", "hookimpl"]

API_VERSION = 1
"""Version of these hooks. A plugin may say `RIVUSIO_API = 1`; another number is refused instead of half working."""

_Hook = TypeVar("_Hook", bound=Callable[..., object])
_spec = pluggy.HookspecMarker("rivusio")
_impl = pluggy.HookimplMarker("rivusio")


def hookimpl(function: _Hook) -> _Hook:
    """Mark a function of a plugin as the implementation of the hook of the same name.

    pluggy's further options (order, wrapping) are left out on purpose: plugins are asked one by one.

    Example:
        >>> @hookimpl
        ... def rivusio_listeners() -> list[Listener]:
        ...     return [Listener()]
    """
    return _impl(function)


class HookSpecs:
    """All hooks; every one of them is optional."""

    @_spec
    def rivusio_register(self, registry: Registration) -> None:
        """Register what the plugin brings: pipes, sources, sinks, listeners, and kinds of its own.

        Called once, when the plugin is first named. All or nothing: if it raises, nothing of the plugin stays.

        Args:
            registry: puts the plugin's name in front: `registry.pipe("reverse", Reverse)` in the plugin `acme`
                registers `acme.reverse`.
        """

    @_spec(firstresult=True)
    def rivusio_settings(self) -> type[BaseModel]:  # type: ignore[empty-body]  # pluggy never calls a specification
        """The model of the plugin's own section of the run configuration, `[tool.rivusio.<plugin>]`.

        Unknown names are refused whatever the model's `extra` says. Take secrets as `SecretStr`.
        """

    @_spec(firstresult=True)
    def rivusio_listeners(self, run: RunInfo, settings: BaseModel | None) -> Sequence[Listener] | Listener | None:
        """The listeners of the plugin for one run; called once per run, on plugins that the configuration names.

        Args:
            run: the run that is about to start. Only its name is known yet; `Listener.run_started` hears the rest.
            settings: the plugin's section, an instance of the class that `rivusio_settings` gave; None without one.

        Raises:
            ConfigError: the settings cannot be had here, such as an address that is in use; shown as it is.
        """
