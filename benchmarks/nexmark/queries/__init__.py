"""The queries as streams: each a function of the stream of events, with event times, that gives the stream of rows.

The rows are those of the SQL query of the same name, column by column; see `nexmark/sql` for what each asks.
"""

from collections.abc import Callable, Mapping
from typing import Final

from nexmark.model import Event, Row
from nexmark.queries.days import q15, q16, q17
from nexmark.queries.each import q0, q1, q2, q10, q13, q14, q21, q22
from nexmark.queries.ends import q4, q18, q19
from nexmark.queries.joins import q3, q20
from nexmark.queries.windows import q5, q7, q8, q11, q12
from nexmark.queries.winning import q6, q9
from rivusio_streams import Stream

__all__ = ["QUERIES", "Query"]

Query = Callable[[Stream[Event]], Stream[Row]]

QUERIES: Final[Mapping[str, Query]] = {
    query.__name__: query
    for query in (
        *(q0, q1, q2, q3, q4, q5, q6, q7, q8, q9, q10, q11),
        *(q12, q13, q14, q15, q16, q17, q18, q19, q20, q21, q22),
    )
}
