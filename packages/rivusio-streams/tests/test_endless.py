"""The flow that is watched by `nox -s soak`, in small: a source never runs far ahead of a slow sink."""

from __future__ import annotations

from pathlib import Path

import pytest
from memory_watch import watch

AHEAD = 16 * 1_024
"""Items on their way at most: the chunk that the source gives, and the batches between the steps."""
_FLOW = Path(__file__).parent / "soak" / "endless_flow.py"


@pytest.mark.timeout(180)
@pytest.mark.parametrize("kind", ["steady", "queue"])
def test_back_pressure_reaches_the_source(kind: str, tmp_path: Path) -> None:
    """Counted in items, so that it does not depend on the machine; the planted queue shows that it can be seen."""
    watched = watch(_FLOW, kind, "100000", str(tmp_path))
    outcome = watched.outcome
    assert outcome["stopped"]
    assert outcome["written"] >= 100_000
    assert outcome["unaccounted"] == 0
    assert (outcome["ahead"] > AHEAD) == (kind == "queue")
    assert watched.samples


def test_a_program_that_fails_or_takes_too_long_is_no_result(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("print(1)\nraise SystemExit(3)\n")
    with pytest.raises(RuntimeError, match=r"program\.py ended with 3"):
        watch(program)
    program.write_text("import time\nprint(1, flush=True)\ntime.sleep(3_600)\n")
    with pytest.raises(RuntimeError, match="not through after 1 s"):
        watch(program, limit=1)
