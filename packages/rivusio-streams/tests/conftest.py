"""Every test that runs a flow also checks its ledger; async tests run on asyncio and on trio."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import Phase, settings

from rivusio_streams.engine.run import FlowRun
from rivusio_streams.report import Report

# How long an example takes says something of the machine only.
settings.register_profile("patient", settings(), deadline=None)
settings.load_profile("patient")
# For `mutations`: what fails need not be made small.
settings.register_profile(
    "mutations", phases=[Phase.explicit, Phase.generate], database=None, derandomize=False, deadline=None
)


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def balanced(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Report]]:
    """The reports of all runs of a test; each accounts for every item."""
    reports = list[Report]()
    make = FlowRun._report

    def checked(self: FlowRun, *args: object) -> Report:
        report = make(self, *args)  # type: ignore[arg-type]
        reports.append(report)
        return report

    monkeypatch.setattr(FlowRun, "_report", checked)
    yield reports
    for report in reports:
        assert report.ledger.unaccounted == 0, report.to_json()
