"""A small HTTP server in a thread of its own: for scrapers and probes, not for pages.

Why not `http.server` or `wsgiref`: they give every connection a thread and limit the time of single reads only, so that
clients sending a byte now and then hold as many threads as they like. Here one thread serves all connections, each has
one deadline for everything, and a full house drops the connection that waits longest. h11 understands HTTP.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from http import HTTPStatus
from threading import Thread

import h11

from rivusio_monitoring.endpoints import Answer, Request, plain

__all__ = ["HttpServer"]

_LONGEST_HEAD = 16_384
_log = logging.getLogger("rivusio.monitoring")


class HttpServer:
    """Serves one request per connection on a listening socket, until closed; owns socket and thread.

    Args:
        listening: bound and listening.
        answer: called in the server's thread for each request; while it works, other clients wait.
        connections: most connections at once.
        timeout: seconds that a client has for sending its request and taking the answer.
    """

    def __init__(
        self, listening: socket.socket, answer: Callable[[Request], Answer], *, connections: int, timeout: float
    ) -> None:
        self._listening = listening
        self._answer = answer
        self._limit = connections
        self._timeout = timeout
        self._open: dict[asyncio.Task[None], None] = {}  # in the order of arrival
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        # a daemon: one that nobody closes must not keep the process from ending
        self._thread = Thread(target=self._run, name="rivusio-monitoring", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask the server to end, without waiting for it. Allowed from any thread, and again."""
        try:
            self._loop.call_soon_threadsafe(self._stopping.set)
        except RuntimeError:  # the loop is closed: it has ended
            return

    def close(self) -> None:
        """Drop all connections, close the socket, and wait until the thread has ended."""
        self.stop()
        self._thread.join()

    def _run(self) -> None:
        with self._listening, asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connected, sock=self._listening, limit=_LONGEST_HEAD)
        await self._stopping.wait()
        server.close()
        for _ in range(3):  # what the loop has just accepted reaches `_connected` within these turns
            await asyncio.sleep(0)
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= self._limit:
            oldest = next(iter(self._open))
            del self._open[oldest]  # now, so that the next one to come finds another
            oldest.cancel()
        task = self._loop.create_task(self._serve_one(reader, writer))
        self._open[task] = None
        task.add_done_callback(lambda done: self._open.pop(done, None))
        # not in the coroutine: a task cancelled before its first step runs none of it
        task.add_done_callback(lambda _: writer.transport.abort())

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.set_write_buffer_limits(high=0)  # `drain` means: all sent
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=_LONGEST_HEAD)
        try:
            async with asyncio.timeout(self._timeout):
                event = await _next_event(connection, reader)
                if isinstance(event, h11.ConnectionClosed):
                    return
                writer.write(_bytes(connection, event, self._answer_to(event)))
                await writer.drain()
                # closing on unread input resets the connection, which may take the answer with it
                writer.write_eof()
                while await reader.read(_LONGEST_HEAD):
                    pass
        except TimeoutError:
            if connection.our_state is h11.IDLE:  # nothing written yet: this fits into the empty buffer, or is lost
                writer.write(_bytes(connection, None, plain(408, "no request came in time")))
        except OSError:
            pass  # the client is gone
        except Exception:  # noqa: BLE001  # logged whole, and no client may end the server
            _log.exception("a connection to the monitoring port failed; others go on")

    def _answer_to(self, event: h11.Event | h11.RemoteProtocolError) -> Answer:
        if isinstance(event, h11.RemoteProtocolError):
            return plain(event.error_status_hint if event.error_status_hint < 500 else 400, "not a request in HTTP/1")
        if not isinstance(event, h11.Request) or not event.http_version.startswith(b"1."):
            return plain(400, "only HTTP/1 is spoken here")
        try:
            return self._answer(_request(event))
        except Exception:  # noqa: BLE001  # logged whole, and no client may end the server
            _log.exception("no answer could be made to a request to the monitoring port")
            return plain(500, "failed; the log says why")


async def _next_event(connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Event | h11.RemoteProtocolError:
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Event):
                return event
            connection.receive_data(await reader.read(_LONGEST_HEAD))
    except h11.RemoteProtocolError as error:
        return error


def _request(event: h11.Request) -> Request:
    headers = dict[str, str]()
    for name, value in event.headers:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return Request(event.method.decode("latin-1"), event.target.decode("latin-1"), headers)


def _bytes(connection: h11.Connection, request: object, answer: Answer) -> bytes:
    headers = [
        ("Content-Type", answer.content_type),
        ("Content-Length", str(len(answer.body))),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        ("Connection", "close"),
    ]
    if answer.allow:
        headers.append(("Allow", answer.allow))
    reason = HTTPStatus(answer.status).phrase
    head = connection.send(h11.Response(status_code=answer.status, reason=reason, headers=headers))
    only_head = isinstance(request, h11.Request) and request.method == b"HEAD"
    return head + (b"" if only_head else answer.body)
