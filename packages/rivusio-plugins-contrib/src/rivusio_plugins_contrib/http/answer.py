"""What a service answered: whether it may pass, and its contents within limits."""

from __future__ import annotations

import math
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from rivusio_core import BadRecord, PipeError, Transient

if TYPE_CHECKING:  # an extra
    import httpx2

__all__ = ["body_of", "refusal_of", "retry_after"]

_PASSING = frozenset({408, 425, 429})
"""Statuses below 500 that may pass."""
_REFUSED = 65_536
"""Bytes read of an answer that is of no use, so that the connection can be used again."""
_LONGEST = 86_400.0


async def refusal_of(response: httpx2.Response) -> PipeError | None:
    """Why an answer is of no use, by its status; None if it is."""
    status = response.status_code
    if 200 <= status < 300:
        return None
    found: PipeError
    if status in _PASSING or status >= 500:
        found = Transient(f"the service answered {status}", retry_after=retry_after(response))
    elif 300 <= status < 400:
        found = BadRecord(f"the service answered {status}; redirects are not followed: correct base_url or path")
    else:
        found = BadRecord(f"the service answered {status}")
    with suppress(Exception):  # what it says does not matter
        await _read(response, _REFUSED)
    return found


async def body_of(response: httpx2.Response, largest: int) -> bytes:
    """The contents, unpacked.

    Raises:
        BadRecord: they are larger than so many bytes.
    """
    body = await _read(response, largest)
    if body is None:
        raise BadRecord(f"the answer is larger than {largest} bytes")
    return body


async def _read(response: httpx2.Response, largest: int) -> bytes | None:
    body = bytearray()
    async for part in response.aiter_bytes():
        body += part
        if len(body) > largest:
            return None
    return bytes(body)


def retry_after(response: httpx2.Response) -> float | None:
    """Seconds that the service asks to wait, a day at most; it says so in seconds or as a date."""
    given = str(response.headers.get("Retry-After", "")).strip()
    if given.isdecimal():
        return min(float(given), _LONGEST)
    try:
        moment = parsedate_to_datetime(given)
        sent = response.headers.get("Date")  # by the same clock
        now = datetime.now(UTC) if sent is None else parsedate_to_datetime(str(sent))
        asked = (moment - now).total_seconds()
    except (ValueError, TypeError):
        return None
    return min(max(asked, 0.0), _LONGEST) if math.isfinite(asked) else None
