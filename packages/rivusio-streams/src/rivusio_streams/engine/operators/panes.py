"""How the results of windows are made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from rivusio_core.errors import PipeError
from rivusio_streams.aggregate import Aggregator
from rivusio_streams.engine.folding import Folding
from rivusio_streams.windows import Pane, Timing, Window, Windowed, windowed

__all__ = ["Ordered", "Panes", "ordered"]

_ON_TIME = Pane()


class Panes:
    """Makes the results of one step.

    Args:
        name: of the step.
        aggregator: of its windows.
    """

    def __init__(self, name: str, aggregator: Aggregator[Any, Any, Any]) -> None:
        self._name, self._result = name, aggregator.result
        self._results = Folding.of(aggregator).results

    def result(self, accumulator: Any) -> Any:
        """The value of an accumulator.

        Raises:
            PipeError: the aggregator failed. No single item is at fault: it is not to be skipped, even as a BadRecord.
        """
        try:
            return self._result(accumulator)
        except Exception as error:
            raise PipeError(pipe=self._name, cause=error) from error

    def closed(self, window: Window, accumulators: Mapping[Any, Any]) -> Sequence[Any]:
        """The only results of a window that has closed, in the order of the keys.

        Raises:
            PipeError: the aggregator failed.
        """
        try:
            values = self._results(accumulators.values())
        except Exception as error:
            raise PipeError(pipe=self._name, cause=error) from error
        return self.made_of_closed(accumulators, window, values)

    def made_of_closed(self, keys: Iterable[Any], window: Window, values: Iterable[Any]) -> Sequence[Any]:
        """The only results of a window: one for each key."""
        return windowed(keys, window, values, _ON_TIME)

    def made(self, key: Any, window: Window, value: Any, index: int, timing: Timing) -> Iterable[Any]:
        """The results of a pane: one."""
        return (Windowed(key, window, value, Pane(index, timing)),)


def ordered(aggregator: Aggregator[Any, Any, Any]) -> Aggregator[Any, Any, Any]:
    """The aggregator; one that needs its values in the order of event time is handed them so."""
    return Ordered(aggregator) if aggregator.ordered else aggregator


class Ordered(Aggregator[Any, "list[tuple[int, Any]]", Any]):
    """Keeps the values of a window and folds them in the order of (event time, arrival) for each result."""

    def __init__(self, aggregator: Aggregator[Any, Any, Any]) -> None:
        self._aggregator = aggregator

    @property
    def timeless(self) -> bool:
        return False

    def create(self) -> list[tuple[int, Any]]:
        return []

    def add(self, accumulator: list[tuple[int, Any]], value: Any) -> list[tuple[int, Any]]:
        return self.add_at(accumulator, value, 0)

    def add_at(self, accumulator: list[tuple[int, Any]], value: Any, time: int) -> list[tuple[int, Any]]:
        accumulator.append((time, value))
        return accumulator

    def merge(self, left: list[tuple[int, Any]], right: list[tuple[int, Any]]) -> list[tuple[int, Any]]:
        return left + right

    def result(self, accumulator: list[tuple[int, Any]]) -> Any:
        inner, folded = self._aggregator, self._aggregator.create()
        for time, value in sorted(accumulator, key=itemgetter(0)):
            folded = inner.add_at(folded, value, time)
        return inner.result(folded)
