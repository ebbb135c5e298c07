"""What is answered to which request. No sockets here: a request's head goes in, an answer comes out."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, choose_encoder

from rivusio_monitoring.health import Json, livez, readyz, status
from rivusio_monitoring.listener import MonitoringListener
from rivusio_monitoring.metrics import make_registry

__all__ = ["Answer", "Endpoints", "Request", "plain"]


@dataclass(frozen=True)
class Request:
    """The head of a request; `headers` has lower-case names, and joins repeated ones with commas."""

    method: str
    target: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """Status code, type and content of the answer; `allow` lists the methods where the one asked for is refused."""

    status: int
    content_type: str
    body: bytes
    allow: str = ""


def plain(status: int, text: str, *, allow: str = "") -> Answer:
    """An answer of one line of text."""
    return Answer(status, "text/plain; charset=utf-8", f"{text}\n".encode(), allow)


class Endpoints:
    """`/metrics`, `/livez`, `/readyz` and `/status` of a listener.

    Args:
        listener: whose figures are shown.
        host: the address that is served. On loopback only requests to loopback names are answered, so that a web page
            that points its own name at 127.0.0.1 cannot read the figures through the visitor's browser.

    Example:
        >>> endpoints = Endpoints(MonitoringListener(), "127.0.0.1")
        >>> endpoints.answer(Request("GET", "/livez", {})).status
        200
    """

    def __init__(self, listener: MonitoringListener, host: str) -> None:
        self._listener = listener
        self._registry: CollectorRegistry = make_registry(listener.snapshot)
        self._local = _is_loopback(host)
        self._routes: dict[str, Callable[[Request], Answer]] = {
            "/metrics": self._metrics,
            "/livez": self._livez,
            "/readyz": self._readyz,
            "/status": self._status,
        }

    def answer(self, request: Request) -> Answer:
        """The answer to a request; 4xx for what cannot be answered."""
        try:
            path = urlsplit(request.target).path
            host = urlsplit(f"//{request.headers.get('host', '')}").hostname
        except ValueError:
            return plain(400, "bad request target or host")
        if request.method not in ("GET", "HEAD"):
            return plain(405, "only GET and HEAD", allow="GET, HEAD")
        if self._local and host and not _is_loopback(host):
            return plain(421, "this address is served to loopback names only")
        route = self._routes.get(path)
        if route is None:
            return plain(404, f"no such page; there are {', '.join(self._routes)}")
        return route(request)

    def _metrics(self, request: Request) -> Answer:
        try:
            encode, content_type = choose_encoder(request.headers.get("accept", ""))
        except (TypeError, ValueError):  # an odd version in the header: prometheus_client compares text with numbers
            encode, content_type = generate_latest, CONTENT_TYPE_PLAIN_0_0_4
        return Answer(200, content_type, encode(self._registry))

    def _livez(self, _: Request) -> Answer:
        return _json(*livez(self._listener.snapshot(), self._listener.settings.quiet_seconds))

    def _readyz(self, _: Request) -> Answer:
        return _json(*readyz(self._listener.snapshot()))

    def _status(self, _: Request) -> Answer:
        return _json(True, status(self._listener.snapshot()))


def _json(ok: bool, content: dict[str, Json]) -> Answer:
    return Answer(200 if ok else 503, "application/json", json.dumps(content, indent=1).encode() + b"\n")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
