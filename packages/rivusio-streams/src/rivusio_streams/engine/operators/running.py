"""A running value for each key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from rivusio_streams.engine.accessor import accessor
from rivusio_streams.engine.generated import bound
from rivusio_streams.engine.operators.forgetting import Bounds, ForgettingOperator
from rivusio_streams.engine.operators.nothing import NOTHING
from rivusio_streams.initial import copies
from rivusio_streams.keyed_process import Running

__all__ = ["RunningOperator", "Taking"]

Taking: TypeAlias = Callable[[Iterator[Any]], None]
_TEXT = """\
def bind(kept, add, initial, operator, key):
    def run(values):
        get, give = kept.get, operator.values.append
        for v in values:
            k = {key}
            kept[k] = made = add(get(k, initial), v)
            give((k, made))
    return run
"""


class RunningOperator(ForgettingOperator):
    """Gives (key, value) after each item.

    Args:
        name: of the step.
        spec: what to do.
        bounds: see `ForgettingOperator`.
    """

    def __init__(self, name: str, spec: Running, bounds: Bounds | None = None) -> None:
        super().__init__(name, spec.expiring, bounds)
        self._add = spec.add
        self._create = copies(spec.initial, "scan") if spec.begins else None
        self.one_to_one = self._expiry is None and bounds is None

    def add_each(self, pairs: Iterator[tuple[Any, Any]]) -> None:
        kept, add, create, give = self._kept, self._add, self._create, self.values.append
        if create is not None and create() is create():  # the same for all keys, since nothing can change it
            get, initial = kept.get, create()
            for key, value in pairs:
                kept[key] = made = add(get(key, initial), value)
                give((key, made))
            return
        for key, value in pairs:
            made = add(kept[key], value) if key in kept else value if create is None else add(create(), value)
            kept[key] = made
            give((key, made))

    def taking(self, key: Callable[[Any], Any]) -> Taking | None:
        """What does the same with items whose keys are not known yet; None: it begins anew for each key.

        Args:
            key: of an item.
        """
        if not self.one_to_one or self._create is None or self._create() is not self._create():
            return None
        read = accessor(key)
        source = _TEXT.format(key="key(v)" if read is None else read.format("v"))
        taking: Taking = bound(f"<rivusio scan by {read or 'key'}>", source)(
            self._kept, self._add, self._create(), self, key
        )
        return taking

    def add(self, time: int, mark: int, key: Any, value: Any) -> bool:
        self.touched.add(key)
        found = self._kept.get(key, NOTHING)
        if found is not NOTHING:
            made = self._add(found, value)
        else:
            made = value if self._create is None else self._add(self._create(), value)
        self._kept[key] = made
        if self._expiry is not None:
            self._remember(self._expiry, key, time)
        if self.bounded is not None:
            self.bounded.settle()
        self.give((key, made), time, mark)
        return True
