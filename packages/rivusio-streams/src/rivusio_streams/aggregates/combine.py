"""Several aggregators side by side."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar, cast

from rivusio_core.errors import ConfigError, Fault
from rivusio_streams.aggregate import Aggregator, formula_of
from rivusio_streams.formula import Formula

__all__ = ["Combine"]

T = TypeVar("T", contravariant=True)
R = TypeVar("R", covariant=True)


class Combine(Aggregator[T, "list[object]", R], Generic[T, R]):
    """Feeds every value to several aggregators and makes one result of theirs.

    Args:
        make: called with the results, by name if `names` are given.
        parts: the aggregators.
        names: of the parameters of `make`, one for each part, or none.

    Raises:
        ConfigError: `make` has no such parameter, or one without default gets nothing.
    """

    def __init__(
        self, make: Callable[..., R], parts: Sequence[Aggregator[T, Any, object]], names: Sequence[str] = ()
    ) -> None:
        self.make = make
        self.parts = tuple(parts)
        self.names = tuple(names)
        self._adds: list[tuple[int, Callable[[Any, T], object]]] = [(i, part.add) for i, part in enumerate(self.parts)]
        self.ordered = any(part.ordered for part in self.parts)
        self.mergeable = all(part.mergeable for part in self.parts)
        if not self.parts:
            raise ConfigError("agg.combine: give it at least one aggregator")
        if self.names:
            self._check_names()

    def _check_names(self) -> None:
        try:
            parameters = inspect.signature(self.make).parameters
        except (TypeError, ValueError):
            return
        if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
            return
        faults = [
            Fault(f"no such field of {_name(self.make)}; there are {', '.join(parameters)}", name)
            for name in self.names
            if name not in parameters
        ]
        faults += [
            Fault(f"{_name(self.make)} needs it, and no aggregator gives it", name)
            for name, each in parameters.items()
            if name not in self.names and each.default is each.empty and each.kind is not each.VAR_POSITIONAL
        ]
        if faults:
            raise ConfigError("agg.combine", faults=faults)

    def create(self) -> list[object]:
        return [part.create() for part in self.parts]

    @property
    def timeless(self) -> bool:
        return all(part.timeless for part in self.parts)

    def add(self, accumulator: list[object], value: T) -> list[object]:
        for index, add in self._adds:
            accumulator[index] = add(accumulator[index], value)
        return accumulator

    def add_at(self, accumulator: list[object], value: T, time: int) -> list[object]:
        for index, part in enumerate(self.parts):
            accumulator[index] = part.add_at(accumulator[index], value, time)
        return accumulator

    def merge(self, left: list[object], right: list[object]) -> list[object]:
        return [part.merge(one, other) for part, one, other in zip(self.parts, left, right, strict=True)]

    def result(self, accumulator: list[object]) -> R:
        results = [part.result(own) for part, own in zip(self.parts, accumulator, strict=True)]
        if self.names:
            return self.make(**dict(zip(self.names, results, strict=True)))
        return self.make(results)

    def formula(self) -> Formula | None:
        parts = [formula_of(part) for part in self.parts]
        names: dict[str, object] = {"make": self.make}
        own = list[Formula]()
        for index, part in enumerate(parts):
            if part is None:
                return None
            names |= {f"{name}_{index}": each for name, each in part.names.items()}
            called = {name: f"{{{name}_{index}}}" for name in part.names}
            places = {"a": f"{{a}}[{index}]", "b": f"{{b}}[{index}]", "v": "{v}", "t": "{t}", "x": "{x}", **called}
            create, add, merge, result = (
                text.format(**places) for text in (part.create, part.add, part.merge, part.result)
            )
            own.append(Formula(create, add, merge, result))
        results = [each.result for each in own]
        given = f"[{', '.join(results)}]"
        if self.names:
            given = ", ".join(f"{name}={result}" for name, result in zip(self.names, results, strict=True))
        return Formula(
            f"[{', '.join(each.create for each in own)}]",
            f"[{', '.join(each.add for each in own)}]",
            f"[{', '.join(each.merge for each in own)}]",
            f"{{make}}({given})",
            names,
        )

    def dump(self, accumulator: list[object]) -> object:
        return [part.dump(own) for part, own in zip(self.parts, accumulator, strict=True)]

    def load(self, kept: object) -> list[object]:
        return [part.load(own) for part, own in zip(self.parts, cast("list[object]", kept), strict=True)]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Combine) and self._value() == other._value()

    def __hash__(self) -> int:
        return hash(self._value())

    def _value(self) -> tuple[object, ...]:
        return (self.make, self.parts, self.names)

    def __repr__(self) -> str:
        if self.names:
            shown = [f"{name}={part!r}" for name, part in zip(self.names, self.parts, strict=True)]
        else:
            shown = [repr(part) for part in self.parts]
        return f"combine({', '.join([_name(self.make), *shown])})"


def _name(make: Callable[..., object]) -> str:
    return getattr(make, "__name__", type(make).__name__)
