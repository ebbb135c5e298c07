"""What the tests of monitoring share: a clock that stands still, feeding, scraping, and raw HTTP."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection

from prometheus_client.parser import text_string_to_metric_families

from rivusio_core import RunInfo, Tally
from rivusio_monitoring import Exporter, MonitoringListener, MonitoringSettings

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


class StillClock:
    """Moves only when told to."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.utc = 1_700_000_000_000_000

    def wall(self) -> int:
        return self.utc

    def monotonic(self) -> float:
        return self.now


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes


def started(listener: MonitoringListener, name: str = "etl", ident: str = "1", steps: tuple[str, ...] = ()) -> RunInfo:
    run = RunInfo(name, ident, steps)
    listener.run_started(run)
    return run


def passed(count: int) -> Tally:
    return Tally(taken=count, passed=count, given=count)


def get(exporter: Exporter, path: str, *, method: str = "GET", **headers: str) -> Reply:
    connection = HTTPConnection(exporter.host, exporter.port, timeout=30)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): text for name, text in headers.items()})
        response = connection.getresponse()
        names = {name.lower(): text for name, text in response.getheaders()}
        return Reply(response.status, names, response.read())
    finally:
        connection.close()


def series(text: bytes) -> Series:
    found: Series = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in found, f"{key} is written twice"
            found[key] = sample.value
    return found


def scrape(exporter: Exporter) -> Series:
    return series(get(exporter, "/metrics").body)


def value(figures: Series, name: str, **labels: str) -> float | None:
    return figures.get((name, frozenset(labels.items())))


def talk(exporter: Exporter, sent: bytes) -> bytes:
    """Everything that comes back for these bytes and the end of sending."""
    with socket.create_connection((exporter.host, exporter.port), timeout=30) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        return read_all(client)


def read_all(client: socket.socket) -> bytes:
    parts = list[bytes]()
    while part := client.recv(65_536):
        parts.append(part)
    return b"".join(parts)


@contextmanager
def serving(**settings: object) -> Iterator[tuple[MonitoringListener, Exporter]]:
    listener = MonitoringListener(MonitoringSettings.model_validate({"port": 0, **settings}))
    with Exporter(listener) as exporter:
        yield listener, exporter
