"""A small HTTP server in a thread of its own: for scrapers and probes, not for pages.

Why not `http.server` or `wsgiref`: they give every connection a thread and limit the time of single reads only, so that
clients sending a byte now and then hold as many threads as they like. Here one thread serves all connections, each has
one deadline for everything, and a full house drops the connection that waits longest. h11 understands HTTP.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from threading import Thread

import h11

from rivusio_monitoring.endpoints import Answer, Request, plain

__all__ = ["HttpServer"]

_LONGEST_HEAD = 16_384


class HttpServer:
    """Serves one request per connection on a listening socket, until closed; owns socket and thread.

    Args:
        listening: bound and listening.
        answer: called in the server's thread for each request; what it takes is what all other clients wait.
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
        self._thread = Thread(target=self._run, name="rivusio-monitoring", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """The thread is running."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Ask the server to end, without waiting for it. Allowed from any thread, and again."""
        if not self._loop.is_closed():
            try:
                self._loop.call_soon_threadsafe(self._stopping.set)
            except RuntimeError:  # closed since the line above
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
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # a coroutine runs in a task
        if len(self._open) >= self._limit:
            next(iter(self._open)).cancel()
        self._open[task] = None
        try:
            await self._talk(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # gone, dropped for another, or the end; nobody waits for this task
        finally:
            del self._open[task]
            writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=_LONGEST_HEAD)
        try:
            async with asyncio.timeout(self._timeout):
                request = await _request(connection, reader)
                await _send(connection, writer, plain(400, "bad request") if request is None else self._answer(request))
                # closing with unread input would reset the connection and may take the answer with it
                while await reader.read(_LONGEST_HEAD):
                    pass
        except TimeoutError:
            if connection.our_state is h11.IDLE:
                writer.write(_bytes(connection, plain(408, "no request came in time")))
                writer.close()
        except h11.RemoteProtocolError as error:
            async with asyncio.timeout(self._timeout):
                await _send(connection, writer, plain(error.error_status_hint, str(error)))


async def _request(connection: h11.Connection, reader: asyncio.StreamReader) -> Request | None:
    while (event := connection.next_event()) is h11.NEED_DATA:
        connection.receive_data(await reader.read(_LONGEST_HEAD))
    ...
