"""The plugin `monitoring`: turned on by naming its port, `--set monitoring.port=9464`. No pipeline changes."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel

from rivusio_core import Listener, RunInfo
from rivusio_core.hooks import hookimpl
from rivusio_monitoring.lease import Lease
from rivusio_monitoring.settings import MonitoringSettings

__all__ = ["RIVUSIO_API", "rivusio_listeners", "rivusio_settings"]

RIVUSIO_API = 1


@hookimpl
def rivusio_settings() -> type[BaseModel]:
    """The section `[tool.rivusio.monitoring]`."""
    return MonitoringSettings


@hookimpl
def rivusio_listeners(run: RunInfo, settings: BaseModel | None) -> Sequence[Listener]:
    """What counts and serves this run; nothing, and at no cost, unless `monitoring.port` is set.

    The port is bound here, not when the run starts: an error in a listener would only be logged.

    Raises:
        ConfigError: the address cannot be bound.
    """
    if not isinstance(settings, MonitoringSettings) or settings.port is None:
        return ()
    lease = Lease(settings)
    return (lease.listener, lease)
