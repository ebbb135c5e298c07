"""What the plugin brings. Imported the first time somebody names `acme`."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from rivusio_acme.reverse import Reverse
from rivusio_acme.totals import Totals
from rivusio_acme.words import Words
from rivusio_core import Listener
from rivusio_core.hooks import hookimpl
from rivusio_core.registry import Registration

__all__ = ["RIVUSIO_API", "Settings", "rivusio_listeners", "rivusio_register", "rivusio_settings"]

RIVUSIO_API = 1


class Settings(BaseModel):
    """The section `[tool.rivusio.acme]`."""

    totals: Path | None = None
    """Where the counts of a run go; without it they are logged."""


@hookimpl
def rivusio_register(registry: Registration) -> None:
    """Register everything under `acme.`."""
    registry.pipe("reverse", Reverse)
    registry.source("words", Words)
    registry.listener("totals", Totals)


@hookimpl
def rivusio_settings() -> type[BaseModel]:
    """The model of the plugin's section."""
    return Settings


@hookimpl
def rivusio_listeners(settings: BaseModel | None) -> Listener:
    """One listener for each run whose configuration has the section."""
    return Totals(settings.totals if isinstance(settings, Settings) else None)
