"""Registers the HTTP pipes."""

from __future__ import annotations

from rivusio_core.hooks import hookimpl
from rivusio_core.registry import Registration

__all__ = ["rivusio_register"]


@hookimpl
def rivusio_register(registry: Registration) -> None:
    """`http.json_lookup`, a pipe."""
    from rivusio_plugins_contrib.http.lookup import JsonLookup

    registry.pipe("json_lookup", JsonLookup)
