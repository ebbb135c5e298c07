"""An aggregator as expressions, which the engine writes into its loops: no call for each value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Formula"]


@dataclass(frozen=True)
class Formula:
    """The methods of an aggregator as Python expressions, with the same meaning.

    In them `{a}` stands for the accumulator (of `merge`: the left one), `{b}` for the right one of `merge`, `{v}` for
    the value, `{t}` for its event time in microseconds, `{x}` for a variable of its own, and `{name}` for each of
    `names`. `{a}`, `{b}`, `{v}` and `{t}` may be used more than once; a brace itself is doubled, as in `str.format`.
    An expression never changes an accumulator: it makes another.

    Attributes:
        create: the accumulator of no values.
        add: the accumulator with one more value.
        merge: the accumulator of the values of both.
        result: the result of an accumulator.
        names: what the expressions use, by name.
        counts: an accumulator is the number of values, whatever they are: that need not even be a loop.

    Example, the sum of squares:

        >>> squares = Formula("0", "{a} + {v} * {v}", "{a} + {b}")
        >>> squares.add.format(a="total", v="value")
        'total + value * value'
    """

    create: str
    add: str
    merge: str
    result: str = "{a}"
    names: Mapping[str, object] = field(default_factory=dict[str, object])
    counts: bool = False
