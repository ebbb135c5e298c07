"""Plugins: found by the metadata of installed distributions, imported only when named, one broken one harms no other.

A plugin is a module (or an object in one) that an entry point of the group `rivusio` names. The entry point's name is
the plugin's name: it stands in front of everything that the plugin registers, and is its section in configurations.
A plugin is code with all the rights of the program that uses it.

A whole plugin, `rivusio_acme/plugin.py`:

    from rivusio_core import pipe
    from rivusio_core.hooks import hookimpl
    from rivusio_core.registry import Registration

    RIVUSIO_API = 1

    @pipe
    def reverse(text: str) -> str:
        return text[::-1]

    @hookimpl
    def rivusio_register(registry: Registration) -> None:
        registry.pipe("reverse", reverse)

and in its `pyproject.toml`:

    [project.entry-points.rivusio]
    acme = "rivusio_acme.plugin"

Then `installed().registry.pipe("acme.reverse")` gives the pipe; only then is `rivusio_acme` imported.
"""

from __future__ import annotations

import contextlib
import functools
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Literal, TypeAlias

from rivusio_core.errors import PluginConflictError, PluginError, PluginLoadError, PluginTypeError, UnknownKindError
from rivusio_core.import_failure import ImportFailure
from rivusio_core.nearest import did_you_mean, nearest
from rivusio_core.registry import Registry

if TYPE_CHECKING:  # imports pluggy, which listing does without
    from rivusio_core.plugin import Plugin

__all__ = ["GROUP", "PluginInfo", "Plugins", "installed"]

GROUP = "rivusio"
"""The entry-point group."""

PluginState: TypeAlias = Literal["found", "loaded", "broken"]

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_EXIT = (Exception, SystemExit)
"""What a plugin's code may raise and only that plugin suffers from: `sys.exit()` at import included."""


@dataclass(frozen=True)
class PluginInfo:
    """What is known of a plugin without importing it, and what came of loading it.

    Attributes:
        name: that of its entry point.
        distribution: name and version of the installed distribution.
        target: the module (and object) that the entry point names.
        state: `found` (not imported), `loaded` or `broken`.
        error: why it is broken.
    """

    name: str
    distribution: str
    target: str
    state: PluginState = "found"
    error: PluginError | None = None


class Plugins:
    """The plugins that can be used, and what came of those that were named.

    Args:
        points: the entry points; those of all installed distributions unless given.

    Example:
        >>> plugins = Plugins([])
        >>> plugins.names()
        ()
    """

    def __init__(self, points: Iterable[EntryPoint] | None = None) -> None:
        self.registry = Registry(self.get, self.names)
        self._points: dict[str, list[EntryPoint]] = {}
        for point in entry_points(group=GROUP) if points is None else points:
            same = self._points.setdefault(point.name, [])
            if not any(other.value == point.value and _of(other) == _of(point) for other in same):
                same.append(point)  # else one and the same, seen twice on the path
        self._loaded: dict[str, Plugin] = {}
        self._broken: dict[str, PluginError] = {}
        self._loading: list[str] = []
        self._lock = threading.RLock()

    def names(self) -> tuple[str, ...]:
        """The names of all plugins; imports nothing."""
        return tuple(sorted(self._points))

    def infos(self) -> tuple[PluginInfo, ...]:
        """What is known of each plugin by now, those with a clash of names once per distribution; imports nothing."""
        return tuple(self._info(name, point) for name in self.names() for point in self._points[name])

    def _info(self, name: str, point: EntryPoint) -> PluginInfo:
        error = self._broken.get(name) or self._fault(name)
        state: PluginState = "broken" if error else "loaded" if name in self._loaded else "found"
        return PluginInfo(name, _of(point), point.value, state, error)

    def loaded(self) -> tuple[Plugin, ...]:
        """The plugins that were named and could be loaded."""
        return tuple(self._loaded.values())

    def get(self, name: str) -> Plugin:
        """The plugin of that name, imported and registered if it was not yet.

        Raises:
            UnknownKindError: no such plugin is installed; near names are in `did_you_mean`.
            PluginLoadError: its module cannot be imported, or a hook raised.
            PluginTypeError: it registers something wrong, or implements a hook that does not exist.
            PluginVersionError: it was written for another version of the plugin interface.
            PluginConflictError: two distributions bring a plugin of that name.
        """
        with self._lock:
            if name in self._loaded:
                return self._loaded[name]
            if name not in self._points:
                message = f"no plugin {name!r} is installed{did_you_mean(name, self._points)}"
                raise UnknownKindError(message, did_you_mean=nearest(name, self._points))
            known = self._broken.get(name)
            if known is not None:
                raise known.with_traceback(None)
            if name in self._loading:
                raise PluginLoadError(f"plugin {name!r} names itself while it is loaded", plugin=name)
            self._loading.append(name)
            try:
                self._loaded[name] = plugin = self._load(name)
            except PluginError as error:
                self._broken[name] = error
                raise
            finally:
                self._loading.pop()
            return plugin

    def check(self) -> tuple[PluginInfo, ...]:
        """Load every plugin, and tell what came of each."""
        for name in self.names():
            with contextlib.suppress(PluginError):  # kept in _broken, told below
                self.get(name)
        for error in self.registry.faults():  # seen once the owner of a kind is there too
            self._broken.setdefault(error.plugin, error)
        return self.infos()

    def _fault(self, name: str) -> PluginError | None:
        """What is wrong with a plugin as far as metadata tells."""
        points = self._points[name]
        if len(points) > 1:
            both = " and ".join(_of(point) for point in points)
            return PluginConflictError(
                f"{both} both bring a plugin named {name!r}; uninstall one of them", plugin=name, distribution=both
            )
        if not _NAME.fullmatch(name):
            message = f"the plugin name {name!r} must consist of a-z, 0-9 and _, and begin with a letter"
            return PluginTypeError(f"{_of(points[0])}: {message}", plugin=name, distribution=_of(points[0]))
        return None

    def _load(self, name: str) -> Plugin:
        from rivusio_core.plugin import Plugin  # imports pluggy

        fault = self._fault(name)
        if fault is not None:
            raise fault
        point = self._points[name][0]
        distribution = _of(point)
        try:
            target: object = point.load()
        except _EXIT as error:
            raise PluginLoadError(
                f"plugin {name!r} of {distribution} cannot be imported: {ImportFailure.of(error)}",
                plugin=name,
                distribution=distribution,
            ) from error
        plugin = Plugin(name, distribution, target)
        registration = self.registry.registration(name, distribution)
        plugin.register(registration)
        self.registry.commit(registration)
        return plugin


@functools.cache
def installed() -> Plugins:
    """The plugins of the running Python, found once per process."""
    return Plugins()


def _of(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else "an unknown distribution"
