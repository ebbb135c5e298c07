"""The command: which workloads it takes, and what it writes; no time is judged."""

import json

import pytest
from workloads import SUITES

import run


@pytest.fixture(autouse=True)
def few_items(monkeypatch):
    """And no peers."""
    monkeypatch.setattr(run, "PEERS", {})
    for suite in SUITES:
        for workload in suite.workloads.values():
            monkeypatch.setitem(vars(workload), "items", 1_000)


def test_what_is_asked_for_is_measured_and_written(tmp_path, capsys):
    run.main(["--only", "q2", "q5", "--rounds", "2", "--json", str(tmp_path)])
    (path,) = tmp_path.iterdir()
    found = json.loads(path.read_text())
    assert path.name == "nexmark.json"
    assert list(found["workloads"]) == ["q2", "q5"]
    for workload in found["workloads"].values():
        assert set(workload["entries"]) == {"loop", "rivusio"}
        assert len(workload["entries"]["rivusio"]["seconds"]) == 2
        assert len({entry["digest"] for entry in workload["entries"].values()}) == 1
        assert [(ratio["of"], ratio["to"]) for ratio in workload["ratios"]] == [("rivusio", "loop")]
    assert capsys.readouterr().out.count("rivusio / loop") == 2


def test_a_part_of_a_suite_leaves_its_results_alone():
    before = {suite.results: suite.results.read_bytes() for suite in SUITES}
    run.main(["--full", "--only", "W1", "q2", "--rounds", "1"])
    assert before == {path: path.read_bytes() for path in before}


def test_a_suite_is_asked_for_by_its_name(capsys):
    run.main(["--smoke", "--only", "nexmark"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [f"q{number}" for number in range(23)]
