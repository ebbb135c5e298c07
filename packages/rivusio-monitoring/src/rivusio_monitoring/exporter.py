"""Serves a listener's figures over HTTP: from a bound port to a closed one."""

from __future__ import annotations

import errno
import socket
from types import TracebackType
from typing import Self

from rivusio_core import ConfigError, Fault
from rivusio_monitoring.endpoints import Endpoints
from rivusio_monitoring.listener import MonitoringListener
from rivusio_monitoring.server import HttpServer
from rivusio_monitoring.settings import MonitoringSettings

__all__ = ["Exporter"]


class Exporter:
    """`/metrics`, `/livez`, `/readyz` and `/status` on `host` and `port` of the listener's settings.

    Runs of the `rivusio` command are served by themselves. Make one yourself where a program has runs of its own and
    the port should stay open between them. Serves from the moment it is made; close it, or use it in a `with`.

    Args:
        listener: whose figures are shown; also give it to the runs. A port unset counts as 0 here: any free one.

    Attributes:
        host, port: what is really bound.

    Raises:
        ConfigError: the address cannot be bound; says which setting to change.

    Example:
        >>> from rivusio_core import pipe
        >>> @pipe
        ... def double(number: int) -> int:
        ...     return 2 * number
        >>> listener = MonitoringListener()
        >>> with Exporter(listener) as exporter:
        ...     doubled = list(double.map([1, 2], listeners=[listener]))  # meanwhile: curl http://127.0.0.1:PORT/metrics
        >>> exporter.url.startswith("http://127.0.0.1:")
        True
    """

    def __init__(self, listener: MonitoringListener) -> None:
        settings = listener.settings
        listening = _bind(settings)
        self.host: str = settings.host
        self.port: int = listening.getsockname()[1]
        self._server = HttpServer(
            listening,
            Endpoints(listener, settings.host).answer,
            connections=settings.connections,
            timeout=settings.client_seconds,
        )

    @property
    def url(self) -> str:
        """The address in a form for people and programs: `http://127.0.0.1:9464`."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def stop(self) -> None:
        """Ask the server to end without waiting for it, for where waiting is not allowed."""
        self._server.stop()

    def close(self) -> None:
        """End the server: when this returns, its thread has ended and the port is free. Allowed more than once."""
        self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _bind(settings: MonitoringSettings) -> socket.socket:
    host, port = settings.host, settings.port or 0
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            fault = Fault(f"port {port} of {host} is in use; give another, or 0 for any free one", "monitoring.port")
        elif error.errno == errno.EACCES:
            fault = Fault(f"no permission for port {port}; give one above 1023", "monitoring.port")
        else:
            fault = Fault(
                f"cannot serve on {host!r} ({error.strerror}); give an address of this machine", "monitoring.host"
            )
        raise ConfigError(faults=[fault]) from error
