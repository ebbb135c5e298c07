"""Asking a JSON service about each item."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

import anyio
from pydantic import Field, HttpUrl, SecretStr, TypeAdapter, ValidationError

from rivusio_core import AsyncBasePipe, BadRecord, ConfigError, Duration, Transient, state
from rivusio_core.duration import seconds

__all__ = ["JsonLookup"]

In = TypeVar("In", contravariant=True)
Out = TypeVar("Out", covariant=True)

_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that may pass."""


class JsonLookup(AsyncBasePipe[In, Out], Generic[In, Out]):
    """Gets `base_url` + `path(item)` and gives `combine(item, answer)`, the answer being a validated `model`.

    One pool of connections serves the whole run. How many calls are in flight, how long one may take, and how often it
    is tried again are the pipe's options (`concurrency`, `timeout`, `retry`). A connection that fails and the statuses
    408, 425, 429 and 5xx raise `Transient`, honouring `Retry-After`; other statuses, answers that are too large and
    answers that are no `model` raise `BadRecord`. Messages name neither path nor contents.

    Args:
        base_url: of the service.
        path: the path (and query) for an item; quote what you put in.
        model: the type of an answer.
        combine: makes the result; its second argument is None for a status 404 with `missing="none"`.
        missing: what 404 means: `"bad"` raises BadRecord, `"none"` gives None to `combine`.
        headers: sent along; kept secret.
        connections: in the pool.
        largest: bytes of an answer at most.
        wait: the longest wait for a connection or for data, whatever the pipe's `timeout`.

    Raises:
        ConfigError: at the start of a run, httpx2 is not installed (extra `http`).
    """

    base_url: HttpUrl
    path: Callable[[Any], str]
    model: Any
    combine: Callable[[Any, Any], Any]
    missing: Literal["bad", "none"] = "bad"
    headers: Mapping[str, SecretStr] = {}
    connections: Annotated[int, Field(ge=1)] = 10
    largest: Annotated[int, Field(ge=1)] = 1_048_576
    wait: Duration = "30s"
    client: Any = state()
    adapter: TypeAdapter[Any] = state()

    async def setup(self) -> None:
        """Open the pool."""
        try:
            import httpx2  # an extra
        except ImportError as error:
            raise ConfigError(
                "JsonLookup needs httpx2, which is not installed: pip install 'rivusio-plugins-contrib[http]'"
            ) from error
        self.adapter = TypeAdapter(self.model)
        self.client = httpx2.AsyncClient(
            base_url=str(self.base_url),
            headers={name: value.get_secret_value() for name, value in self.headers.items()},
            limits=httpx2.Limits(max_connections=self.connections, max_keepalive_connections=self.connections),
            timeout=seconds(self.wait, "wait"),
            follow_redirects=False,
        )

    async def process(self, item: In) -> Out:
        """The result for an item.

        Raises:
            Transient: the service could not be reached, or says that it may pass.
            BadRecord: the service refuses, or its answer is no `model`.
        """
        import httpx2  # an extra

        try:
            async with self.client.stream("GET", self.path(item)) as response:
                if response.status_code in _TRANSIENT:
                    raise Transient(f"the service answered {response.status_code}", retry_after=_retry_after(response))
                if response.status_code == 404 and self.missing == "none":
                    return self.combine(item, None)  # type: ignore[no-any-return]  # typed by its user
                if response.status_code != 200:
                    raise BadRecord(f"the service answered {response.status_code}")
                body = await self._body(response)
        except httpx2.TransportError as error:
            raise Transient(f"the service could not be reached: {type(error).__name__}") from error
        try:
            answer = self.adapter.validate_json(body)
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_input=False)[:5]
            )
            raise BadRecord(f"the answer is no {getattr(self.model, '__name__', self.model)}: {faults}") from None
        return self.combine(item, answer)  # type: ignore[no-any-return]  # typed by its user

    async def _body(self, response: Any) -> bytes:
        body = bytearray()
        async for part in response.aiter_bytes():
            body += part
            if len(body) > self.largest:
                raise BadRecord(f"the answer is larger than {self.largest} bytes")
        return bytes(body)

    async def teardown(self) -> None:
        """Close the pool."""
        with anyio.CancelScope(shield=True):
            await self.client.aclose()


def _retry_after(response: Any) -> float | None:
    """Seconds, given as such or as a date."""
    given = response.headers.get("Retry-After", "")
    if given.isdecimal():
        return float(given)
    try:
        moment = parsedate_to_datetime(given)
        now = parsedate_to_datetime(response.headers["Date"])
        return max((moment - now).total_seconds(), 0.0)
    except (KeyError, ValueError, TypeError):
        return None
