"""JSON lookups against a real HTTP server on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import BaseModel, SecretStr

from rivusio_core import BadRecord, ConfigError, DeadLetter, RetriesExhausted, Retry
from rivusio_core.testing import VirtualClock
from rivusio_plugins_contrib.http import JsonLookup


class Price(BaseModel):
    price: int


class Shop(ThreadingHTTPServer):
    """Answers by path, and notes what it saw."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.seen: list[str] = []
        self.tokens: set[str | None] = set()
        self.busy = self.most = 0
        self.gate = threading.Barrier(4, timeout=20)
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class Answers(BaseHTTPRequestHandler):
    server: Shop
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        shop, kind = self.server, self.path.partition("?")[0].strip("/").split("/")[0]
        with shop.lock:
            shop.seen.append(self.path)
            shop.tokens.add(self.headers.get("X-Token"))
            shop.busy += 1
            shop.most = max(shop.most, shop.busy)
            times = shop.seen.count(self.path)
        try:
            self.answer(kind, times)
        finally:
            with shop.lock:
                shop.busy -= 1

    def answer(self, kind: str, times: int) -> None:
        if kind == "flaky" and times == 1:
            self.send(503, b"", {"Retry-After": "3600"})
        elif kind == "dropped" and times == 1:
            self.close_connection = True
        elif kind == "broken":
            self.send(500, b"")
        elif kind == "missing":
            self.send(404, b"")
        elif kind == "refused":
            self.send(403, b"")
        elif kind == "moved":
            self.send(302, b"", {"Location": "/1"})
        elif kind == "wrong":
            self.send(200, b'{"price": "s3cret"}')
        elif kind == "text":
            self.send(200, b"<html>s3cret")
        elif kind == "large":
            self.send(200, b" " * 5_000 + b'{"price": 1}')
        else:
            if kind == "gated":
                self.server.gate.wait()  # answers when four calls are in flight
            number = "".join(each for each in self.path if each.isdigit()) or "0"
            self.send(200, json.dumps({"price": int(number)}).encode())

    def send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it
        """Say nothing."""


@pytest.fixture
def shop() -> Iterator[Shop]:
    server = Shop()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def lookup(shop: Shop, **config: object) -> JsonLookup[str, str]:
    return JsonLookup[str, str](
        base_url=shop.url,
        path=lambda item: item,
        model=Price,
        combine=lambda item, answer: f"{item}: {answer.price if answer else 'nothing'}",
        **config,
    )


def test_each_item_gets_its_answer_in_order_over_the_whole_pool(shop: Shop) -> None:
    items = [f"gated/{number}" for number in range(60)]
    pipe = lookup(shop, connections=4).with_options(concurrency=16)
    assert list(pipe.map(items)) == [f"gated/{number}: {number}" for number in range(60)]
    assert shop.most == 4  # more wanted in, the pool held them back


@pytest.mark.anyio
async def test_it_runs_on_both_event_loops(shop: Shop) -> None:
    assert [out async for out in lookup(shop).amap(["1", "2"])] == ["1: 1", "2: 2"]


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["flaky", "dropped"])
async def test_what_may_pass_is_tried_again(shop: Shop, kind: str) -> None:
    clock = VirtualClock()
    began = clock.monotonic()
    pipe = lookup(shop).with_options(retry=Retry(attempts=3, backoff="1s"))
    assert [out async for out in pipe.amap([f"{kind}/7"], clock=clock)] == [f"{kind}/7: 7"]
    assert (clock.monotonic() - began >= 3600) == (kind == "flaky")


@pytest.mark.anyio
async def test_what_does_not_pass_is_given_up(shop: Shop) -> None:
    pipe = lookup(shop).with_options(retry=Retry(attempts=3, backoff="1s"))
    with pytest.raises(RetriesExhausted) as caught:
        [out async for out in pipe.amap(["broken"], clock=VirtualClock())]
    assert caught.value.attempts == 3
    assert len(shop.seen) == 3


@pytest.mark.parametrize("kind", ["missing", "refused", "moved", "wrong", "text", "large"])
def test_what_can_never_succeed_is_a_bad_record_without_contents(shop: Shop, kind: str) -> None:
    letters: list[DeadLetter] = []
    pipe = lookup(shop, largest=1_000, headers={"X-Token": SecretStr("t0ken")})
    assert list(pipe.map([f"{kind}?key=s3cret", "5"], dead_letters=letters)) == ["5: 5"]
    (letter,) = letters
    assert isinstance(letter.error, BadRecord)
    assert "s3cret" not in str(letter.error)
    assert "t0ken" not in str(letter.error) + repr(pipe)
    assert len(shop.seen) == 2
    assert shop.tokens == {"t0ken"}


def test_a_missing_answer_may_be_none(shop: Shop) -> None:
    assert lookup(shop, missing="none").run("missing") == "missing: nothing"


def test_a_service_that_is_not_there_is_transient(shop: Shop) -> None:
    pipe = JsonLookup[str, object](
        base_url="http://127.0.0.1:1/", path=lambda item: item, model=Price, combine=lambda item, answer: answer
    ).with_options(retry=1)
    with pytest.raises(RetriesExhausted, match="could not be reached"):
        pipe.run("1")
    assert shop.seen == []


def test_wrong_configuration_is_refused() -> None:
    with pytest.raises(ConfigError, match="connections"):
        JsonLookup[str, str](base_url="http://localhost", path=str, model=Price, combine=lambda i, a: i, connections=0)
