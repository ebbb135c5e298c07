"""Async tests run on both event loops."""

from __future__ import annotations

import pytest


@pytest.fixture(params=[("asyncio", {}), ("trio", {})], ids=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, object]]:
    """The event loop of a test marked `anyio`."""
    return request.param
