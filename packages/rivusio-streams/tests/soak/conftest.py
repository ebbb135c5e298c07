"""A table of what all soaks found, at the end; each says it with `record_property("soak", ...)`."""

from __future__ import annotations

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    rows = list[tuple[str, str]]()
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            found = [str(value) for name, value in report.user_properties if name == "soak" and report.when == "call"]
            rows += [(outcome, f"{report.nodeid.rpartition('::')[2]}\n{text}") for text in found]
    if rows:
        terminalreporter.section("soak")
    for outcome, text in rows:
        first, *others = text.splitlines()
        terminalreporter.write_line(f"{outcome:8}{first}")
        for line in others:
            terminalreporter.write_line(f"{'':10}{line}")
