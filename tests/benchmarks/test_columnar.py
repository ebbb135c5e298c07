"""The measurement of windows over columns runs, and all results are equal; no time is judged."""

from __future__ import annotations

import columnar
import columnar_report
import pytest


def test_results_are_equal_and_everything_is_measured() -> None:
    found = columnar.measured(rounds=1, rows=70_000, copies=2, sizes=[1_000, 20_000], most=9)
    assert found["sizes"].keys() == {1_000, 20_000}
    assert [each["rows"] for each in found["sizes"].values()] == [9_000, 140_000]
    assert found["transfer"].keys() == {"Order", "Model"}
    table = columnar_report.table(found)
    assert "| 20,000 | " in table
    page = f"a{columnar_report.BEGIN} old {columnar_report.END}b"
    assert columnar_report.document(page, found) == f"a{columnar_report.BEGIN}\n\n{table}\n{columnar_report.END}b"


def test_other_results_get_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columnar, "loop", lambda _: [("u1", 0, 1, 1)])
    with pytest.raises(SystemExit, match="windows over rows: the results differ"):
        columnar.measured(rounds=1, rows=100, copies=1, sizes=[10])
