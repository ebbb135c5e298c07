"""A JSON service on loopback, which answers as its paths ask it to."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pydantic import BaseModel


class Price(BaseModel):
    price: int


class Shop(ThreadingHTTPServer):
    """Answers by path, and notes what it saw."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.seen: list[str] = []
        self.tokens: set[str | None] = set()
        self.accepted: set[str | None] = set()
        self.busy = self.most = 0
        self.gate = threading.Barrier(4, timeout=20)
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self.packed = b""

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
            shop.accepted.add(self.headers.get("Accept"))
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
        elif kind == "packed":
            self.send(200, self.server.packed, {"Content-Encoding": "gzip"})
        elif kind == "dripping":
            self.drip()
        else:
            if kind == "gated":
                self.server.gate.wait()  # answers when four calls are in flight
            number = "".join(each for each in self.path if each.isdigit()) or "0"
            status = int(kind[6:]) if kind.startswith("status") else 200
            self.send(status, json.dumps({"price": int(number)}).encode())

    def drip(self) -> None:
        """Something all the time, but never the end."""
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        self.close_connection = True
        try:
            while not self.server.closing.wait(0.02):
                self.wfile.write(b" ")
        except OSError:  # the other side has had enough
            return

    def send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it
        """Say nothing."""
