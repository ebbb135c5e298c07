"""The registry: everything that plugins bring, by kind and name.

A name has the plugin in front, as in `acme.reverse`, so that two plugins never clash and looking a name up tells
which plugin to load. The kinds `pipe`, `listener`, `source`, `sink` and `checkpoint_store` are always there; a plugin
adds kinds of its own, or says what the objects of a kind must be, with `Registration.kind`.

Example:
    >>> from rivusio_core import pipe
    >>> @pipe
    ... def reverse(text: str) -> str:
    ...     return text[::-1]
    >>> registry = Registry()
    >>> registration = registry.registration("acme", "rivusio-acme 1.0")
    >>> registration.pipe("reverse", reverse)
    >>> registry.commit(registration)
    >>> registry.pipe("acme.reverse").run("abc")
    'cba'
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from rivusio_core.errors import PluginConflictError, PluginTypeError, UnknownKindError
from rivusio_core.listener import Listener
from rivusio_core.nearest import did_you_mean, nearest
from rivusio_core.pipe import BasePipe

__all__ = ["Entry", "Kind", "Registration", "Registry"]

T = TypeVar("T")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Kind:
    """A kind of things that plugins bring.

    Attributes:
        name: `pipe`, `source`, ...
        base: what they must be: subclasses or instances of it; None as long as its owner is not loaded.
        owner: the distribution that says so, with version.
    """

    name: str
    base: type | None = None
    owner: str = "rivusio-core"


@dataclass(frozen=True)
class Entry:
    """One registered thing: a class or a value, and who brought it."""

    kind: str
    name: str
    value: object
    plugin: str
    distribution: str


class Registration:
    """What a plugin registers, kept apart until all of it is known to be right. Given to `rivusio_register`.

    Every method raises `PluginTypeError` for a wrong object or name and `PluginConflictError` for a name given twice.
    """

    def __init__(self, registry: Registry, plugin: str, distribution: str) -> None:
        self.plugin = plugin
        self.distribution = distribution
        self.entries: dict[tuple[str, str], Entry] = {}
        self.kinds: dict[str, Kind] = {}
        self._registry = registry

    def pipe(self, name: str, value: BasePipe[Any, Any] | type[BasePipe[Any, Any]]) -> None:  # Any: pipes of all types
        """Register a pipe class, or a pipe that is ready for use, under `<plugin>.<name>`."""
        self.add("pipe", name, value)

    def listener(self, name: str, value: Listener | Callable[[], Listener]) -> None:
        """Register a listener class that can be made without arguments, a factory, or a listener."""
        self.add("listener", name, value)

    def source(self, name: str, value: type) -> None:
        """Register a class of sources."""
        self.add("source", name, value)

    def sink(self, name: str, value: type) -> None:
        """Register a class of sinks."""
        self.add("sink", name, value)

    def add(self, kind: str, name: str, value: object) -> None:
        """Register something of any kind."""
        if not _NAME.fullmatch(name):
            raise self._wrong(f"the {kind} name {name!r} must consist of a-z, 0-9 and _, and begin with a letter")
        known = {**self._registry.kinds, **self.kinds}
        if kind not in known:
            raise self._wrong(f"there is no kind {kind!r}{did_you_mean(kind, known)}")
        entry = Entry(kind, f"{self.plugin}.{name}", value, self.plugin, self.distribution)
        if (kind, entry.name) in self.entries:
            raise PluginConflictError(
                f"{self.distribution} registers the {kind} {entry.name!r} twice; give one of them another name",
                plugin=self.plugin,
                distribution=self.distribution,
            )
        check_entry(entry, known[kind].base)
        self.entries[kind, entry.name] = entry

    def kind(self, name: str, base: type) -> None:
        """Add a kind, or say of `source` or `sink` what they must be: subclasses or instances of `base`.

        For the package that owns the noun; a kind has one owner.
        """
        if not _NAME.fullmatch(name):
            raise self._wrong(f"the kind {name!r} must consist of a-z, 0-9 and _, and begin with a letter")
        present = self.kinds.get(name) or self._registry.kinds.get(name)
        if present is not None and present.base is not None:
            raise PluginConflictError(
                f"{present.owner} and {self.distribution} both define the kind {name!r}; register objects of it with "
                f"add({name!r}, ...) instead",
                plugin=self.plugin,
                distribution=self.distribution,
            )
        self.kinds[name] = Kind(name, base, self.distribution)

    def _wrong(self, message: str) -> PluginTypeError:
        return PluginTypeError(
            f"plugin {self.plugin!r} of {self.distribution}: {message}",
            plugin=self.plugin,
            distribution=self.distribution,
        )


class Registry:
    """Everything registered so far. Looking up a name loads the plugin in front of it, and no other.

    Args:
        load: loads the plugin of that name; may raise `PluginError`.
        plugins: gives the names of all installed plugins, loaded or not, for hints.
    """

    def __init__(
        self,
        load: Callable[[str], object] | None = None,
        plugins: Callable[[], Iterable[str]] | None = None,
    ) -> None:
        self.kinds: dict[str, Kind] = {
            "pipe": Kind("pipe", BasePipe),
            "listener": Kind("listener", Listener),
            "source": Kind("source"),
            "sink": Kind("sink"),
            "checkpoint_store": Kind("checkpoint_store"),
        }
        self._entries: dict[tuple[str, str], Entry] = {}
        self._load = load
        self._plugins = plugins

    def registration(self, plugin: str, distribution: str) -> Registration:
        """An empty registration for one plugin, to be filled and then handed to `commit`."""
        return Registration(self, plugin, distribution)

    def commit(self, registration: Registration) -> None:
        """Take over all of a registration, or nothing.

        Raises:
            PluginConflictError: a name is taken.
        """
        for key in registration.entries.keys() & self._entries.keys():
            raise PluginConflictError(
                f"{self._entries[key].distribution} and {registration.distribution} both register "
                f"the {key[0]} {key[1]!r}",
                plugin=registration.plugin,
                distribution=registration.distribution,
            )
        self.kinds.update(registration.kinds)
        self._entries.update(registration.entries)

    def entries(self, kind: str = "", plugin: str = "") -> tuple[Entry, ...]:
        """What the plugins loaded so far have registered, by kind and name; of one kind or plugin if asked."""
        found = [each for each in self._entries.values() if kind in ("", each.kind) and plugin in ("", each.plugin)]
        return tuple(sorted(found, key=lambda each: (each.kind, each.name)))

    def entry(self, kind: str, name: str) -> Entry:
        """What is registered under a name such as `acme.reverse`, loading the plugin `acme` if need be.

        Raises:
            UnknownKindError: there is no such kind, plugin or name; near names are in `did_you_mean`.
            PluginTypeError: the registered object is not of this kind.
            PluginError: the plugin cannot be loaded.
        """
        plugin, dot, _ = name.partition(".")
        if self._load is not None and dot and plugin in self._plugin_names():
            self._load(plugin)
        if kind not in self.kinds:
            raise _unknown(f"there is no kind {kind!r}", kind, self.kinds)
        found = self._entries.get((kind, name))
        if found is None:
            raise self._missing(kind, name)
        check_entry(found, self.kinds[kind].base)
        return found

    def of_class(self, kind: str, name: str, base: type[T]) -> type[T]:
        """The registered class, which must derive from `base`; how a package looks up nouns of its own.

        Raises:
            PluginTypeError: it is no class, or another one.
            PluginError: as of `entry`.
        """
        entry = self.entry(kind, name)
        if not isinstance(entry.value, type) or not issubclass(entry.value, base):
            raise _mistyped(entry, f"a class derived from {base.__qualname__}")
        return entry.value

    def pipe(self, name: str) -> BasePipe[Any, Any] | type[BasePipe[Any, Any]]:  # Any: known when the name is
        """The registered pipe, or class of pipes. Raises as `entry` does."""
        value: Any = self.entry("pipe", name).value  # checked by `entry`
        return value  # type: ignore[no-any-return]

    def listener(self, name: str) -> Listener:
        """The registered listener, made now where a class or factory was registered. Raises as `entry` does."""
        entry = self.entry("listener", name)
        value = entry.value() if callable(entry.value) else entry.value
        if not isinstance(value, Listener):
            raise _mistyped(entry, "a listener, or made one when called")
        return value

    def faults(self) -> tuple[PluginTypeError, ...]:
        """Registered objects that are not of their kind, which is seen late where the kind's owner was loaded late."""
        found = list[PluginTypeError]()
        for entry in self.entries():
            try:
                check_entry(entry, self.kinds[entry.kind].base)
            except PluginTypeError as error:
                found.append(error)
        return tuple(found)

    def _plugin_names(self) -> tuple[str, ...]:
        return tuple(self._plugins()) if self._plugins is not None else ()

    def _missing(self, kind: str, name: str) -> UnknownKindError:
        plugin, dot, _ = name.partition(".")
        known = [each.name for each in self.entries(kind)]
        plugins = {each.plugin for each in self.entries()} | set(self._plugin_names())
        if not dot:
            near = [each for each in known if each.endswith(f".{name}")] or [*nearest(name, known)]
            hint = f"; did you mean {near[0]!r}?" if near else ""
            return UnknownKindError(f"{name!r} names no plugin; write <plugin>.<name>{hint}", did_you_mean=near)
        if plugin not in plugins:
            return _unknown(f"no plugin {plugin!r} is installed, which the {kind} {name!r} asks for", plugin, plugins)
        elsewhere = [each.kind for each in self.entries() if each.name == name]
        if elsewhere:
            return UnknownKindError(f"{name!r} is a {elsewhere[0]}, not a {kind}", did_you_mean=())
        return _unknown(f"the plugin {plugin!r} has no {kind} {name!r}", name, known)


def check_entry(entry: Entry, base: type | None) -> None:
    """Refuse an object that is not of its kind: neither a subclass nor an instance of `base`.

    Raises:
        PluginTypeError: naming plugin and distribution.
    """
    value = entry.value
    if base is None or isinstance(value, base) or (isinstance(value, type) and issubclass(value, base)):
        return
    if base is Listener and callable(value) and not isinstance(value, type):  # a factory; what it makes is checked then
        return
    raise _mistyped(entry, f"of {base.__qualname__}")


def _mistyped(entry: Entry, wanted: str) -> PluginTypeError:
    value = entry.value
    what = f"the class {value.__qualname__}" if isinstance(value, type) else f"a {type(value).__name__}"
    return PluginTypeError(
        f"plugin {entry.plugin!r} of {entry.distribution}: the {entry.kind} {entry.name!r} is {what}, not {wanted}",
        plugin=entry.plugin,
        distribution=entry.distribution,
    )


def _unknown(message: str, name: str, known: Iterable[str]) -> UnknownKindError:
    names = list(known)
    return UnknownKindError(message + did_you_mean(name, names), did_you_mean=nearest(name, names))
