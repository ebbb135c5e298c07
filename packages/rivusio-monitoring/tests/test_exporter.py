from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import repeat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monitoring_kit import get, passed, read_all, scrape, serving, started, talk, value
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from rivusio_core import ConfigError
from rivusio_monitoring import Exporter, MonitoringListener, MonitoringSettings
from rivusio_monitoring.endpoints import Answer
from rivusio_monitoring.server import HttpServer


def _status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def test_figures_over_http_are_what_was_fed() -> None:
    with serving() as (listener, exporter):
        run = started(listener)
        for count in (3, 4):
            listener.step_ran(run, "parse", passed(count), 0.02)
        figures = scrape(exporter)
    assert value(figures, "rivusio_items_taken_total", run="etl", step="parse") == 7
    assert value(figures, "rivusio_step_chunk_duration_seconds_bucket", run="etl", step="parse", le="0.01") == 0
    assert value(figures, "rivusio_step_chunk_duration_seconds_bucket", run="etl", step="parse", le="0.025") == 2
    assert value(figures, "rivusio_runs_active", run="etl") == 1


def test_openmetrics_where_it_is_asked_for() -> None:
    with serving() as (listener, exporter):
        started(listener, steps=("parse",))
        reply = get(exporter, "/metrics", Accept="application/openmetrics-text; version=1.0.0, text/plain; q=0.5")
        assert reply.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
        assert "rivusio_items_taken" in {each.name for each in text_string_to_metric_families(reply.body.decode())}
        assert get(exporter, "/metrics").headers["content-type"].startswith("text/plain; version=0.0.4")


@pytest.mark.parametrize("version", ["1.x", "", "x", "1.0.0.0.0", "-1", "9" * 5000])
def test_an_odd_version_in_the_header_gets_an_answer(version: str) -> None:
    with serving() as (_, exporter):
        for kind in ("application/openmetrics-text", "text/plain"):
            assert get(exporter, "/metrics", Accept=f"{kind};version={version}").status == 200


def test_head_is_get_without_the_body() -> None:
    with serving() as (_, exporter):
        reply = get(exporter, "/livez", method="HEAD")
        assert (reply.status, reply.body) == (200, b"")
        assert int(reply.headers["content-length"]) == len(get(exporter, "/livez").body)
        assert talk(exporter, b"HEAD /livez HTTP/1.0\r\n\r\n").endswith(b"\r\n\r\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get"])
def test_other_methods_are_refused(method: str) -> None:
    with serving() as (_, exporter):
        reply = get(exporter, "/metrics", method=method)
        assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD")


def test_a_refused_upload_gets_its_answer_and_not_a_reset() -> None:
    with serving() as (_, exporter):
        body = b"x" * 20_000_000  # more than the buffers between the two hold
        head = b"POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body)
        assert _status(talk(exporter, head + body)) == 405


def test_a_page_that_is_not_there() -> None:
    with serving() as (_, exporter):
        for path in ("/", "/metricsx", "/status/", "/../metrics", "/%6detrics"):
            reply = get(exporter, path)
            assert (reply.status, b"/metrics" in reply.body) == (404, True)
        assert get(exporter, "/livez?why=1").status == 200
        assert get(exporter, f"{exporter.url}/livez").status == 200  # the form that proxies use


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),  # TLS
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"GET /livez\r\n\r\n", 400),
        (b"GET /livez HTTP/9.9\r\nHost: localhost\r\n\r\n", 400),
        (b"GET /livez HTTP/1.1\r\n\r\n", 400),  # no Host
        (b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET /livez HTTP/1.1\r\nHost: localhost\r\nbad header\r\n\r\n", 400),
        (b"GET /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n", 400),
        (b"GET /livez HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
        (b"GET http://[/livez HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 431),
        (b"GET /livez HTTP/1.1\r\nHost: localhost\r\n" + b"a: b\r\n" * 20_000 + b"\r\n", 431),
        (b"GET /livez HTTP/1.1\r\nHost: loc", 400),  # and then the end
    ],
)
def test_malformed_requests_are_refused_and_nothing_breaks(sent: bytes, status: int) -> None:
    with serving() as (_, exporter):
        assert _status(talk(exporter, sent)) == status
        assert get(exporter, "/livez").status == 200


ALMOST_HTTP = rb"(GET|HEAD) [ -~]{0,20} HTTP/1\.[01]\r\n([ -~]{0,20}\r\n){0,3}"


def test_any_bytes_get_a_4xx_or_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with serving() as (_, exporter):

        @settings(max_examples=60, deadline=None)
        @given(st.binary(max_size=60) | st.from_regex(ALMOST_HTTP))
        def check(sent: bytes) -> None:
            answer = talk(exporter, sent + b"\r\n\r\n")
            assert not answer or 400 <= _status(answer) < 500 or sent.split(b" ")[0] in (b"GET", b"HEAD")
            assert not answer or _status(answer) < 500

        check()
        assert get(exporter, "/livez").status == 200
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:9464", "[::1]:9464", "monitoring.localhost"])
def test_loopback_names_are_served_on_loopback(host: str) -> None:
    with serving() as (_, exporter):
        assert get(exporter, "/livez", Host=host).status == 200


def test_a_name_that_somebody_points_at_loopback_is_not_served() -> None:
    with serving() as (_, exporter):
        assert get(exporter, "/status", Host="rebound.example").status == 421


def test_any_name_is_served_where_the_network_is_let_in() -> None:
    with serving(host="0.0.0.0") as (_, exporter):
        assert get(exporter, "/livez", Host="etl.example").status == 200


def _connect(exporter: Exporter) -> socket.socket:
    return socket.create_connection((exporter.host, exporter.port), timeout=30)


def test_clients_that_send_nothing_block_nobody() -> None:
    with serving(connections=4, client_timeout="1h") as (_, exporter), ExitStack() as stack:
        silent = [stack.enter_context(_connect(exporter)) for _ in range(30)]
        assert get(exporter, "/livez").status == 200
        # more than the house holds: those that have waited longest were sent away, without an hour's wait
        assert read_all(silent[0]) == b""
        assert len(threading.enumerate()) <= 3


def test_clients_that_dribble_block_nobody() -> None:
    with serving(connections=4, client_timeout="1h") as (_, exporter), ExitStack() as stack:
        for _ in range(10):
            client = stack.enter_context(_connect(exporter))
            client.sendall(b"GET /livez HT")
        assert get(exporter, "/livez").status == 200


def test_a_client_that_never_asks_is_told_and_dropped() -> None:
    with serving(client_timeout="20ms") as (_, exporter), _connect(exporter) as client:
        assert _status(read_all(client)) == 408


MUCH = 1_000_000


@contextmanager
def _much(timeout: float) -> Iterator[socket.socket]:
    """A client that has asked for more than the buffers between the two hold."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)  # connections inherit it
    address = listening.getsockname()
    answer = Answer(200, "text/plain", b"~" * MUCH)
    server = HttpServer(listening, lambda _: answer, connections=4, timeout=timeout)
    try:
        with socket.socket() as client:
            client.settimeout(30)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            client.connect(address)
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            yield client
    finally:
        server.close()


def test_a_client_that_never_reads_is_dropped() -> None:
    with _much(timeout=0.05) as client, pytest.raises(ConnectionError):  # once the server has given up on us
        all(client.send(b"x") for _ in repeat(None))


def test_a_client_that_has_said_all_still_gets_the_whole_answer() -> None:
    with _much(timeout=60) as client:
        client.shutdown(socket.SHUT_WR)
        assert read_all(client).count(b"~") == MUCH


def test_a_failing_answer_is_a_500_and_is_logged(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as (listener, exporter):
        monkeypatch.setattr(listener, "snapshot", lambda: 1 / 0)
        assert get(exporter, "/status").status == 500
        monkeypatch.undo()
        assert get(exporter, "/status").status == 200
    assert "ZeroDivisionError" in caplog.text


def test_a_port_in_use_is_a_fault_of_that_setting() -> None:
    with serving() as (_, exporter):
        with pytest.raises(ConfigError, match="in use") as caught:
            Exporter(MonitoringListener(MonitoringSettings(port=exporter.port)))
        assert caught.value.faults[0].path == "monitoring.port"
        assert str(exporter.port) in str(caught.value)


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host.invalid"])
def test_an_address_of_another_machine_is_a_fault_of_that_setting(host: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Exporter(MonitoringListener(MonitoringSettings(port=0, host=host)))
    assert caught.value.faults[0].path == "monitoring.host"


def test_only_loopback_is_bound_unless_told_otherwise() -> None:
    with serving() as (_, exporter):
        assert exporter.host == "127.0.0.1"
        assert exporter.url == f"http://127.0.0.1:{exporter.port}"


def test_ipv6() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with serving(host="::1") as (_, exporter):
        assert exporter.url.startswith("http://[::1]:")
        assert get(exporter, "/livez").status == 200


def test_closing_frees_port_and_thread_whoever_is_connected() -> None:
    before = threading.active_count()
    with ExitStack() as stack:
        with serving(client_timeout="1h") as (_, exporter):
            silent = [stack.enter_context(_connect(exporter)) for _ in range(5)]
            assert get(exporter, "/livez").status == 200
            assert threading.active_count() == before + 1
        exporter.close()  # once more is no error
        assert threading.active_count() == before
        for client in silent:
            assert _gone(client)
        with pytest.raises(ConnectionRefusedError):
            _connect(exporter)


def _gone(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


def test_opening_and_closing_at_once_leaves_nothing() -> None:
    before = threading.active_count()
    for _ in range(20):
        with serving():
            pass
    assert threading.active_count() == before
