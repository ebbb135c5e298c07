"""Asking a JSON service about each item."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, TypeVar

import anyio
from pydantic import AfterValidator, Field, HttpUrl, SecretStr, SkipValidation, TypeAdapter, ValidationError

from rivusio_core import AsyncBasePipe, BadRecord, ConfigError, Duration, Transient, state
from rivusio_core.duration import seconds
from rivusio_plugins_contrib.http.answer import body_of, refusal_of
from rivusio_plugins_contrib.http.path import checked_template, filled, stays_below
from rivusio_plugins_contrib.members import text_of
from rivusio_plugins_contrib.misfit import Misfit, adapter_of

if TYPE_CHECKING:  # an extra
    import httpx2

__all__ = ["JsonLookup"]

In = TypeVar("In", contravariant=True)
Out = TypeVar("Out", covariant=True)

_URL = TypeAdapter(HttpUrl)


def _address(url: str) -> str:
    try:
        parts = _URL.validate_python(url)
    except ValidationError:
        raise ValueError("must be an address such as https://service.example/v1/") from None
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must hold no user, password or query, which would be shown; give secrets in headers")
    return str(parts)


def _positive(wait: Duration) -> Duration:
    if seconds(wait, "wait") <= 0:
        raise ValueError("must be longer than 0")
    return wait


class JsonLookup(AsyncBasePipe[In, Out], Generic[In, Out]):
    """Gets `base_url` + `path` for an item and gives `combine(item, answer)`, the answer being a validated `model`.

    One pool of connections serves the whole run, on asyncio and trio. How many calls are in flight, how long one may
    take, and how often it is tried again are the pipe's options (`concurrency`, `timeout`, `retry`). Connections that
    fail, answers that take too long and the statuses 408, 425, 429 and 5xx raise `Transient`, honouring `Retry-After`;
    other statuses (redirects are not followed), answers that are too large and answers that are no `model` raise
    `BadRecord`. Messages name neither path nor contents. Certificates are verified.

    Args:
        base_url: of the service; no item leads out of it.
        path: a template filled with the item's fields, each quoted (`"users/{user}"`, `"users/{user.id}?day={day}"`,
            `"{}"` for the item itself), or a function that gives path and query for an item, and quotes.
        model: the type of an answer.
        combine: makes the result of an item and its answer, which is None for a status 404 with `missing="none"`.
        missing: what 404 means: `"bad"` raises `BadRecord`, `"none"` gives None to `combine`.
        headers: sent along; kept secret.
        connections: in the pool.
        largest: bytes of an answer at most.
        wait: the longest that one call may take in all, waiting for a connection of the pool included.

    Raises:
        ConfigError: a setting is wrong; at the start of a run, httpx2 is not installed (extra `http`).

    Example:
        >>> price = JsonLookup[str, float](
        ...     base_url="https://prices.example/v1/",
        ...     path="articles/{}",
        ...     model=dict[str, float],
        ...     combine=lambda article, answer: answer["price"],
        ... ).with_options(concurrency=32, timeout="5s", retry=5)
        >>> price.options.concurrency
        32
    """

    base_url: Annotated[str, AfterValidator(_address)]
    path: Annotated[str | Callable[[In], str], AfterValidator(checked_template)]
    model: Annotated[type[object], SkipValidation]  # `list[Price]` is as good as `Price`
    combine: Callable[[In, Any], Out]  # Any: a `model`, or None; a third type variable would check no more at run time
    missing: Literal["bad", "none"] = "bad"
    headers: Mapping[str, SecretStr] = {}
    connections: Annotated[int, Field(ge=1)] = 10
    largest: Annotated[int, Field(ge=1)] = 1_048_576
    wait: Annotated[Duration, AfterValidator(_positive)] = "30s"
    client: httpx2.AsyncClient = state()
    adapter: TypeAdapter[object] = state()

    async def setup(self) -> None:
        """Open the pool."""
        try:
            import httpx2  # an extra
        except ImportError as error:
            raise ConfigError(
                "JsonLookup needs httpx2, which is not installed: pip install 'rivusio-plugins-contrib[http]'"
            ) from error
        self.adapter = adapter_of(self.model, self.step_name)
        secret = {name: value.get_secret_value() for name, value in self.headers.items()}
        self.client = httpx2.AsyncClient(
            base_url=self.base_url,
            headers={"Accept": "application/json", **secret},
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
        body = await self._ask(self._request(item))
        if body is None:
            return self.combine(item, None)
        try:
            answer = self.adapter.validate_json(body)
        except ValidationError as error:
            reason = Misfit(self.adapter).text(error)
            raise BadRecord(f"the answer is no {text_of(self.model)}: {reason}") from None  # it holds the contents
        return self.combine(item, answer)

    def _request(self, item: In) -> httpx2.Request:
        import httpx2  # an extra

        path = filled(self.path, item) if isinstance(self.path, str) else self.path(item)
        base = self.client.base_url
        try:
            request = self.client.build_request("GET", path)
        except httpx2.InvalidURL:
            raise BadRecord("the path for the item is none") from None
        url = request.url
        same = (url.scheme, url.host, url.port) == (base.scheme, base.host, base.port)
        if not (same and stays_below(path) and url.raw_path.startswith(base.raw_path)):
            raise BadRecord("the path for the item leads out of base_url")
        return request

    async def _ask(self, request: httpx2.Request) -> bytes | None:
        """The body of the answer; None where the service has none and that is fine."""
        import httpx2  # an extra

        try:
            with anyio.fail_after(seconds(self.wait, "wait")):
                response = await self.client.send(request, stream=True)
                try:
                    refusal = await refusal_of(response)
                    if response.status_code == 404 and self.missing == "none":
                        return None
                    if refusal is not None:
                        raise refusal
                    return await body_of(response, self.largest)
                finally:
                    with anyio.CancelScope(shield=True):
                        await response.aclose()
        except httpx2.DecodingError as error:
            raise BadRecord("the answer cannot be unpacked") from error
        except (httpx2.UnsupportedProtocol, httpx2.LocalProtocolError) as error:
            raise BadRecord(f"the request cannot be sent: {type(error).__name__}") from error
        except httpx2.TimeoutException as error:
            raise Transient(f"the service took too long: {type(error).__name__}") from error
        except TimeoutError:
            raise Transient(f"the service took longer than wait={self.wait}") from None
        except httpx2.TransportError as error:
            raise Transient(f"the service could not be reached: {type(error).__name__}") from error

    async def teardown(self) -> None:
        """Close the pool."""
        client = vars(self).get("client")  # not there if setup failed
        if client is not None:
            with anyio.CancelScope(shield=True):
                await client.aclose()
