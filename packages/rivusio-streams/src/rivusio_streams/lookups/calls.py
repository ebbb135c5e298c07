"""The calls of a lookup join whose function answers at once, so that nobody waits."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Generic, Literal, TypeVar, get_origin

from rivusio_core.errors import Fatal
from rivusio_core.hints.forms import members, split
from rivusio_core.hints.signatures import function_types
from rivusio_streams.apply import is_async, name_of
from rivusio_streams.join import Joined
from rivusio_streams.lookups.cache import Cache

__all__ = ["Calls", "answers_at_once"]

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


class Calls(Generic[T, K, V]):
    """Joins items with what is known of their keys, from the cache or by calling a plain function.

    Args:
        key: of an item.
        fetch: of a key; gives None where nothing is known.
        cache: keeps the answers.
        inner: None is given in place of an item of whose key nothing is known.
    """

    def __init__(
        self, key: Callable[[T], K], fetch: Callable[[K], V | None], cache: Cache[K, V], *, inner: bool
    ) -> None:
        self._key, self._fetch, self._cache, self._inner = key, fetch, cache, inner

    def join(self, item: T) -> Joined[K, T, V | None] | None:
        """The item with what is known of its key.

        Raises:
            PipeError: the key is not hashable.
            Fatal: the function gave something to wait for after all.
            Exception: a function failed.
        """
        key = self._key(item)
        kept = self._cache.get(key)
        known = self._fetched(key) if kept is None else kept.value
        return None if known is None and self._inner else Joined(key, item, known)

    def _fetched(self, key: K) -> V | None:
        self._cache.counts.flights += 1
        answer = self._fetch(key)
        if inspect.isawaitable(answer):
            raise Fatal(
                f"lookup: {name_of(self._fetch, 'fetch')!r} gave a {type(answer).__name__}, which has to be awaited; "
                "make it a coroutine function, or let its annotation say so"
            )
        self._cache.put(key, answer)
        return answer


def answers_at_once(function: Callable[..., object]) -> bool:
    """Whether a function is known to give nothing that has to be awaited: of a mapping, or as its annotation says.

    Of others, such as lambdas, only calling them tells. What wraps a function has its annotation, and may wait.
    """
    if is_async(function):
        return False
    if isinstance(getattr(function, "__self__", None), Mapping):
        return name_of(function, "") in ("get", "__getitem__")
    if not (inspect.isfunction(function) or inspect.ismethod(function)) or hasattr(function, "__wrapped__"):
        return False
    _, gives = function_types(function)
    return all(_is_at_hand(form) for form in members(gives))


def _is_at_hand(form: object) -> bool:
    kind, _ = split(form)
    if kind is None or form is Any:
        return get_origin(form) is Literal
    return kind is not object and not issubclass(kind, Awaitable)
