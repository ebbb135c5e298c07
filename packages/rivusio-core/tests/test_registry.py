"""The registry: typed, by kind and name, all or nothing."""

from __future__ import annotations

from typing import Any

import pytest

from rivusio_core import (
    BasePipe,
    Listener,
    PluginConflictError,
    PluginTypeError,
    SyncBasePipe,
    UnknownKindError,
    pipe,
)
from rivusio_core.registry import Registration, Registry


class Lines:
    """Stands for the base class of sources, which core does not know."""


class FileLines(Lines):
    pass


class Double(SyncBasePipe[int, int]):
    def process(self, item: int) -> int:
        return 2 * item


@pipe
def triple(number: int) -> int:
    return 3 * number


def registered(registry: Registry, plugin: str = "acme") -> Registration:
    return registry.registration(plugin, f"rivusio-{plugin} 1.0")


def test_pipes_are_registered_as_classes_and_as_values() -> None:
    registry = Registry()
    registration = registered(registry)
    registration.pipe("double", Double)
    registration.pipe("triple", triple)
    assert registry.entries() == ()  # nothing before the commit
    registry.commit(registration)
    assert registry.pipe("acme.double") is Double
    found: BasePipe[Any, Any] | type[BasePipe[Any, Any]] = registry.pipe("acme.triple")
    assert found is triple
    assert [entry.name for entry in registry.entries("pipe")] == ["acme.double", "acme.triple"]


def test_the_owner_of_a_kind_says_what_its_objects_must_be() -> None:
    registry = Registry()
    owner = registered(registry, "streams")
    owner.kind("source", Lines)
    registry.commit(owner)
    other = registered(registry)
    other.source("good", FileLines)
    told = r"rivusio-acme 1\.0: the source 'acme\.bad' is the class Double, not of Lines"
    with pytest.raises(PluginTypeError, match=told):
        other.source("bad", Double)


def test_an_owner_that_comes_late_is_heeded_all_the_same() -> None:
    registry = Registry()
    early = registered(registry)
    early.source("good", FileLines)
    early.source("bad", Double)
    registry.commit(early)
    owner = registered(registry, "streams")
    owner.kind("source", Lines)
    registry.commit(owner)
    assert registry.entry("source", "acme.good").value is FileLines
    with pytest.raises(PluginTypeError):
        registry.entry("source", "acme.bad")
    assert [error.plugin for error in registry.faults()] == ["acme"]


def test_a_package_looks_its_own_nouns_up_by_its_own_base() -> None:
    registry = Registry()
    registration = registered(registry)
    registration.source("good", FileLines)
    registration.source("bad", Double)
    registry.commit(registration)
    assert registry.of_class("source", "acme.good", Lines) is FileLines
    with pytest.raises(PluginTypeError, match="not a class derived from Lines"):
        registry.of_class("source", "acme.bad", Lines)


def test_own_kinds_have_one_owner() -> None:
    registry = Registry()
    first = registered(registry, "streams")
    first.kind("engine", Lines)
    first.add("engine", "local", FileLines)  # known within the same registration
    registry.commit(first)
    second = registered(registry)
    with pytest.raises(PluginConflictError, match=r"rivusio-streams 1\.0 and rivusio-acme 1\.0"):
        second.kind("engine", Lines)


def test_a_name_registered_twice_is_refused() -> None:
    registry = Registry()
    registration = registered(registry)
    registration.pipe("double", Double)
    with pytest.raises(PluginConflictError, match="twice"):
        registration.pipe("double", triple)
    registration.listener("double", Listener)  # another kind is another name
    registry.commit(registration)
    again = registry.registration("acme", "rivusio-acme 2.0")
    again.pipe("new", triple)
    again.pipe("double", Double)
    with pytest.raises(PluginConflictError, match=r"rivusio-acme 1\.0 and rivusio-acme 2\.0"):
        registry.commit(again)
    with pytest.raises(UnknownKindError):  # all or nothing
        registry.pipe("acme.new")


@pytest.mark.parametrize("name", ["", "Upper", "a.b", "a b", "1st"])
def test_names_can_stand_behind_a_plugins_name(name: str) -> None:
    with pytest.raises(PluginTypeError, match="must consist of"):
        registered(Registry()).pipe(name, triple)


@pytest.mark.parametrize("name", ["", "Upper", "a.b", "a b", "1st"])
def test_kinds_have_names_of_the_same_form(name: str) -> None:
    with pytest.raises(PluginTypeError, match=r"the kind .* must consist of"):
        registered(Registry()).kind(name, Lines)


@pytest.mark.parametrize(
    ("kind", "name", "hint"),
    [
        ("pipe", "acme.doubel", "did you mean 'acme.double'"),
        ("pipe", "acmee.double", "did you mean 'acme'"),
        ("pipe", "double", "did you mean 'acme.double'"),
        ("pip", "acme.double", "did you mean 'pipe'"),
        ("listener", "acme.double", "is a pipe, not a listener"),
    ],
)
def test_an_unknown_name_is_told_with_what_was_meant(kind: str, name: str, hint: str) -> None:
    registry = Registry()
    registration = registered(registry)
    registration.pipe("double", Double)
    registry.commit(registration)
    with pytest.raises(UnknownKindError, match=hint):
        registry.entry(kind, name)


def test_listeners_are_made_when_asked_for() -> None:
    registry = Registry()
    one = Listener()
    registration = registered(registry)
    registration.listener("value", one)
    registration.listener("class", Listener)
    registration.listener("factory", lambda: one)
    registration.listener("wrong", lambda: 3)  # type: ignore[arg-type, return-value]
    registry.commit(registration)
    assert registry.listener("acme.value") is one
    assert type(registry.listener("acme.class")) is Listener
    assert registry.listener("acme.factory") is one
    with pytest.raises(PluginTypeError):
        registry.listener("acme.wrong")
