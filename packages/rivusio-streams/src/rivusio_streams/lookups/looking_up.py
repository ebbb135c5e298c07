"""Which pipe a lookup join becomes."""

from __future__ import annotations

from typing import Any, cast

from rivusio_core.duration import seconds
from rivusio_core.errors import ConfigError, DefinitionError, Fault
from rivusio_core.nearest import did_you_mean
from rivusio_core.pipe import BasePipe
from rivusio_core.policy.options import OptionSettings, PipeOptions
from rivusio_streams.lookups.batched import Batched
from rivusio_streams.lookups.calls import answers_at_once
from rivusio_streams.lookups.pipe import Function, Lookup, LookupAtOnce, WaitingLookup
from rivusio_streams.lookups.settings import LookupSettings, kept_for, size_of

__all__ = ["looking_up"]

_CONCURRENCY = 16
_OWN = ("ttl", "negative_ttl", "size")
"""Settings that are no options of pipes."""


def looking_up(fetch: Function | Batched[Any, Any], key: Function, how: str, settings: LookupSettings) -> Lookup:
    """The pipe of a lookup join; where `how` is `"inner"` it gives None for items that are to be left out.

    Raises:
        DefinitionError: `fetch` or `key` is no function.
        ConfigError: listing every setting that is wrong.
    """
    function, batch, within, concurrency = _asked(fetch)
    _check(function, "fetch must be a function of a key, or Batched")
    _check(key, "key must be a function of an item")
    faults = list[Fault]()
    if how not in ("inner", "left"):
        faults.append(Fault(f"must be 'inner' or 'left', not {how!r}", "how"))
    ttl = kept_for(settings.get("ttl", "5m"), "ttl", faults)
    negative_ttl = kept_for(settings.get("negative_ttl", "30s"), "negative_ttl", faults)
    size = size_of(settings.get("size", 10_000), faults)
    waits = bool(batch) or _wants_to_wait(settings) or not answers_at_once(function)
    options = _options(settings, concurrency if waits else 1, faults)
    if faults:
        raise ConfigError("lookup", faults=faults)
    inner = how == "inner"
    if waits:
        pipe: Lookup = WaitingLookup(
            fetch=function,
            key=key,
            inner=inner,
            ttl=ttl,
            negative_ttl=negative_ttl,
            size=size,
            batch=batch,
            within=within,
        )
    else:
        pipe = LookupAtOnce(fetch=function, key=key, inner=inner, ttl=ttl, negative_ttl=negative_ttl, size=size)
    return pipe.with_options(**options)


def _asked(fetch: Function | Batched[Any, Any]) -> tuple[Function, int, float, int]:
    """Function, keys in a request (0: it takes a single one), seconds that they wait, items in work by default."""
    if isinstance(fetch, Batched):
        many: Batched[Any, Any] = fetch  # pyright: ignore[reportUnknownVariableType]  # narrowed without its arguments
        return many.fetch_many, many.size, seconds(many.within, "within"), 2 * many.size
    return fetch, 0, 0.0, _CONCURRENCY


def _wants_to_wait(settings: LookupSettings) -> bool:
    """Several items in work, the time between two attempts, or the end of one: a plain step has none of these."""
    beside = settings.get("concurrency", 1) != 1
    return beside or settings.get("retry") is not None or settings.get("timeout") is not None


def _check(function: object, what: str) -> None:
    if isinstance(function, BasePipe):
        raise DefinitionError(f"lookup: {what}, not a pipe")
    if not callable(function):
        raise DefinitionError(f"lookup: {what}, not {type(function).__name__}")


def _options(settings: LookupSettings, concurrency: int, faults: list[Fault]) -> OptionSettings:
    known = tuple(LookupSettings.__annotations__)
    faults += [Fault(f"no such setting{did_you_mean(name, known)}", name) for name in settings if name not in known]
    options: dict[str, object] = {name: value for name, value in settings.items() if name in known and name not in _OWN}
    options.setdefault("concurrency", concurrency)
    try:
        PipeOptions().changed(options)
    except ConfigError as error:
        faults += error.faults
    return cast("OptionSettings", options)
