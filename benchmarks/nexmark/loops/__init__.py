"""The queries written by hand: the tightest loops that call the same functions.

They give a row when a stream would: a window or an auction is closed when the watermark has passed its end, `BOUND`
behind the latest event, and is forgotten then. None of them says which event failed, counts anything, or can stop.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from nexmark.loops.days import q15, q16, q17
from nexmark.loops.each import q0, q1, q2, q10, q13, q14, q21, q22
from nexmark.loops.ends import q18, q19
from nexmark.loops.joins import q3, q20
from nexmark.loops.sessions import q11
from nexmark.loops.windows import q5, q7, q8, q12
from nexmark.loops.winning import q4, q6, q9
from nexmark.model import Event, Row

__all__ = ["LOOPS"]

LOOPS: Final[Mapping[str, Callable[[Sequence[Event]], Sequence[Row]]]] = {
    loop.__name__: loop
    for loop in (
        *(q0, q1, q2, q3, q4, q5, q6, q7, q8, q9, q10, q11),
        *(q12, q13, q14, q15, q16, q17, q18, q19, q20, q21, q22),
    )
}
