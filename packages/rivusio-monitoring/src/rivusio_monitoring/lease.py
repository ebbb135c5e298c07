"""An exporter shared by the runs of one process that have the same settings: open while any of them goes on."""

from __future__ import annotations

import logging
import sys
import weakref
from threading import RLock

from rivusio_core import Listener, RunInfo
from rivusio_monitoring.exporter import Exporter
from rivusio_monitoring.listener import MonitoringListener
from rivusio_monitoring.settings import MonitoringSettings

__all__ = ["Lease"]

_log = logging.getLogger("rivusio.monitoring")
# re-entrant: an abandoned lease gives up whenever the garbage collector runs, maybe in a thread that holds the lock
_lock = RLock()


class Lease(Listener):
    """One run's share in the exporter for its settings; ends with the run, or when forgotten before one started.

    The first lease opens the port. The last one to end closes it, but what was counted stays for the next one.

    Args:
        settings: of the run, with `port` set.

    Attributes:
        listener: counts for all runs with these settings. Put it before the lease, so that it hears first.
        exporter: serves the figures.

    Raises:
        ConfigError: the address cannot be bound.
    """

    def __init__(self, settings: MonitoringSettings) -> None:
        with _lock:
            shared = _shared.get(settings) or _Shared(MonitoringListener(settings))
            shared.enter()
            _forget_idle()
            _shared[settings] = shared
        self.listener: MonitoringListener = shared.listener
        self._shared = shared
        self._abandoned = weakref.finalize(self, shared.leave, wait=False)

    @property
    def exporter(self) -> Exporter | None:
        """Serves the figures; None once the last lease has ended."""
        return self._shared.exporter

    def run_ended(self, run: RunInfo, error: BaseException | None) -> None:
        """End the lease, and the exporter if this was the last one."""
        if self._abandoned.detach() is not None:
            self._shared.leave(wait=True)


class _Shared:
    def __init__(self, listener: MonitoringListener) -> None:
        self.listener = listener
        self.exporter: Exporter | None = None
        self.leases = 0

    def enter(self) -> None:
        if self.exporter is None:
            self.exporter = Exporter(self.listener)
            _announce(self.exporter, self.listener.settings)
        self.leases += 1

    def leave(self, wait: bool) -> None:
        with _lock:
            self.leases -= 1
            exporter = self.exporter
            if self.leases or exporter is None:
                return
            self.exporter = None
            # The garbage collector may run in the exporter's own thread, which cannot wait for itself.
            (exporter.close if wait else exporter.stop)()


_shared: dict[MonitoringSettings, _Shared] = {}


def _forget_idle() -> None:
    for settings in [key for key, each in _shared.items() if not each.leases and not each.listener.snapshot().totals]:
        del _shared[settings]


def _announce(exporter: Exporter, settings: MonitoringSettings) -> None:
    _log.info("monitoring on %s", exporter.url)
    if settings.port == 0:  # nobody can know the port otherwise
        print(f"rivusio: monitoring on {exporter.url}", file=sys.stderr)  # noqa: T201  # standard error, not data
