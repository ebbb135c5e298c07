"""Worker processes: state, errors, deaths, cancellation; no process and no pipe is left behind."""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from textwrap import dedent

import anyio
import psutil
import pytest
from jobs import ByName, Worker

from rivusio_core import DefinitionError, Fatal, PipeError
from rivusio_core.engine.process import ProcessPool, WorkerProcess

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    before = set(psutil.Process().children(recursive=True))
    yield
    gc.collect()  # an unclosed pipe would warn now, and a warning is an error
    left = set(psutil.Process().children(recursive=True)) - before
    assert not left


@asynccontextmanager
async def started(job: object = None) -> AsyncIterator[WorkerProcess]:
    worker = WorkerProcess()
    await worker.start(pickle.dumps(job or Worker()))
    try:
        yield worker
    finally:
        await worker.close()


async def until(true: Callable[[], bool]) -> None:
    """Wait for something in another process, which no clock of ours can tell."""
    while not true():  # noqa: ASYNC110  # nothing tells us but looking
        await anyio.sleep(0.01)


async def test_a_worker_keeps_its_state() -> None:
    async with started() as worker:
        assert [await worker.call("count") for _ in range(3)] == [1, 2, 3]
        process = await worker.call("process")
        assert process != os.getpid()
        assert worker.alive
    assert not worker.alive
    assert not psutil.pid_exists(process)


async def test_no_pipe_is_left_open() -> None:
    before = psutil.Process().num_fds()
    for _ in range(2):
        async with started() as worker:
            await worker.call("count")
            assert psutil.Process().num_fds() > before
        await anyio.wait_all_tasks_blocked()
        assert psutil.Process().num_fds() == before


async def test_it_runs_the_event_loop_of_the_run(anyio_backend_name: str) -> None:
    async with started() as worker:
        assert await worker.call("loop") == anyio_backend_name


async def test_messages_of_all_sizes_come_back_the_same() -> None:
    async with started() as worker:
        for size in (0, 1, 1_000, 70_000, 3_000_000):
            assert await worker.call([b"x" * size, size]) == [b"x" * size, size]


async def test_large_buffers_travel_beside_the_pickle_and_stay_writable() -> None:
    columns = [bytearray(range(256)) * 1_000, bytearray()]
    async with started() as worker:
        back = await worker.call([pickle.PickleBuffer(column) for column in columns])
        assert back == columns
        assert all(isinstance(column, bytearray) for column in back)
        back = await worker.call("buffers")
        assert back == [bytearray(b"ab"), bytearray()]
        assert all(isinstance(column, bytearray) for column in back)


async def test_the_job_is_opened_and_closed_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with started(Worker(log)) as worker:
        process = await worker.call("process")
    assert log.read_text() == f"open {process}\nclose {process}\n"


async def test_an_error_keeps_its_type_and_says_where() -> None:
    async with started() as worker:
        with pytest.raises(ValueError, match="bad 4711") as caught:
            await worker.call("raise")
        (note,) = caught.value.__notes__
        assert "In worker process" in note
        assert "jobs.py" in note
        assert await worker.call("count") == 1


async def test_an_error_that_cannot_be_sent_is_described() -> None:
    async with started() as worker:
        with pytest.raises(PipeError, match=r"Unreadable at jobs.py:\d+ in run") as caught:
            await worker.call("unreadable")
        assert "jobs.py" in caught.value.__notes__[0]
        assert await worker.call("count") == 1


async def test_a_result_that_cannot_be_sent_is_an_error() -> None:
    async with started() as worker:
        with pytest.raises(PipeError, match="result, of type function, cannot be sent back"):
            await worker.call("unsendable")
        assert await worker.call("count") == 1


async def test_an_item_that_cannot_be_sent_is_an_error() -> None:
    async with started() as worker:
        with pytest.raises(PipeError, match="item, of type function, cannot be sent to"):
            await worker.call(lambda: None)
        assert await worker.call("count") == 1


@pytest.mark.parametrize(("message", "code"), [("exit", 7), ("leave", 8)])
async def test_a_death_is_named_with_its_exit_code(message: str, code: int) -> None:
    worker = WorkerProcess()
    await worker.start(pickle.dumps(Worker()))
    with pytest.raises(PipeError, match=rf"worker process died \(exit code {code}\)"):
        await worker.call(message)
    assert not worker.alive
    await worker.close()


async def test_a_killed_one_is_named_with_its_signal(tmp_path: Path) -> None:
    log = tmp_path / "log"
    worker = WorkerProcess()
    await worker.start(pickle.dumps(Worker(log)))

    async def kill() -> None:
        await until(lambda: "hang" in log.read_text())
        worker.kill()

    async with anyio.create_task_group() as group:
        group.start_soon(kill)
        with pytest.raises(PipeError, match=r"exit code -9, SIGKILL"):
            await worker.call("hang")


async def test_an_ended_one_is_not_called_and_may_be_killed_again() -> None:
    async with started() as worker:
        pass
    worker.kill()
    await worker.close()
    with pytest.raises(PipeError, match="the worker process has ended"):
        await worker.call("count")


async def test_a_thread_that_is_left_behind_keeps_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    async with started() as worker:
        process = await worker.call("thread")
        monkeypatch.setattr("rivusio_core.engine.process._GRACE", 0)
    assert not worker.alive
    assert isinstance(process, int)
    assert not psutil.pid_exists(process)


async def test_a_cancelled_call_kills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rivusio_core.engine.process._GRACE", float("inf"))  # it would never end by itself
    log = tmp_path / "log"
    worker = WorkerProcess()
    await worker.start(pickle.dumps(Worker(log)))
    process = await worker.call("process")
    async with anyio.create_task_group() as group:
        group.start_soon(worker.call, "hang")
        await until(lambda: "hang" in log.read_text())
        group.cancel_scope.cancel()
    assert not worker.alive
    assert not psutil.pid_exists(process)
    await worker.close()
    assert "close" not in log.read_text()


async def test_a_cancelled_start_leaves_nothing() -> None:
    worker = WorkerProcess()
    async with anyio.create_task_group() as group:
        group.start_soon(worker.start, pickle.dumps(Worker()))
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    assert not worker.alive


async def test_prints_and_reads_do_not_reach_the_channel(capfd: pytest.CaptureFixture[str]) -> None:
    async with started() as worker:
        assert await worker.call("print") == ""
        assert await worker.call("count") == 1
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err == "stray\nstraight\n"


async def test_an_interrupt_is_left_to_the_parent() -> None:
    async with started() as worker:
        assert await worker.call("interrupt") == "still here"
        process = psutil.Process(await worker.call("process"))
        assert os.getsid(process.pid) != os.getsid(0)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_its_loop_goes_on_between_messages() -> None:
    async with started() as worker:
        await worker.call("background")
        for _ in range(1_000):
            if await worker.call("background done"):
                return
            await anyio.sleep(0.01)
        pytest.fail("the worker's event loop stands still")


async def test_a_setup_that_fails_is_raised_after_its_teardown(tmp_path: Path) -> None:
    log = tmp_path / "log"
    worker = WorkerProcess()
    with pytest.raises(OSError, match="no setup"):
        await worker.start(pickle.dumps(Worker(log, broken="open")))
    assert not worker.alive
    assert [line.split()[0] for line in log.read_text().splitlines()] == ["open", "close"]


async def test_a_teardown_that_fails_is_raised() -> None:
    worker = WorkerProcess()
    await worker.start(pickle.dumps(Worker(broken="close")))
    with pytest.raises(OSError, match="no teardown"):
        await worker.close()
    assert not worker.alive


async def test_what_cannot_be_imported_there_is_a_mistake_of_definition() -> None:
    payload = pickle.dumps(Worker()).replace(b"jobs", b"sboj")
    with pytest.raises(DefinitionError, match=r"No module named 'sboj'.*define it at module level"):
        await WorkerProcess().start(payload)


# ------------------------------------------------------------------------------------------------------------- pool


class Holder(Worker):
    """A job with something inside."""

    inside: object = None


async def test_what_cannot_be_sent_is_refused_at_once() -> None:
    def local() -> None: ...

    for inside, name in ((lambda: 0, "lambda"), (local, "local"), (ByName("test.<locals>.inner"), "inner")):
        job = Holder()
        job.inside = inside
        with pytest.raises(DefinitionError, match=rf"{name}.*define .* at module level"):
            ProcessPool(job, 1)


async def test_a_pool_is_bounded_and_keeps_its_workers() -> None:
    pool = ProcessPool(Worker(), 2)
    seen = list[object]()

    async def call() -> None:
        seen.append(await pool.call("process"))

    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(call)
    assert len(seen) == 10
    assert 1 <= len(set(seen)) <= 2
    await pool.close()
    assert not any(psutil.pid_exists(process) for process in seen if isinstance(process, int))


async def test_a_dead_worker_is_replaced_by_the_next_call() -> None:
    pool = ProcessPool(Worker(), 1)
    await pool.start()
    assert await pool.call("count") == 1
    with pytest.raises(PipeError, match="exit code 7"):
        await pool.call("exit")
    assert await pool.call("count") == 1
    await pool.close()


async def test_a_worker_that_died_idle_costs_no_item() -> None:
    pool = ProcessPool(Worker(), 1)
    process = await pool.call("process")
    assert isinstance(process, int)
    psutil.Process(process).kill()
    await until(lambda: not pool._idle[0].alive)
    assert await pool.call("count") == 1
    await pool.close()


async def test_a_pool_raises_a_failing_setup_as_it_is_and_later_as_fatal() -> None:
    pool = ProcessPool(Worker(broken="open"), 1)
    with pytest.raises(OSError, match="no setup"):
        await pool.start()
    with pytest.raises(Fatal, match=r"could not be set up: OSError"):
        await pool.call("count")
    await pool.close()


async def test_a_pool_closes_all_though_one_fails(tmp_path: Path) -> None:
    log = tmp_path / "log"
    pool = ProcessPool(Worker(log, broken="close"), 2)
    await pool.start()
    await pool.start()
    with pytest.raises(OSError, match="no teardown"):
        await pool.close()
    assert log.read_text().count("close") == 2


# ----------------------------------------------------------------------------------------------------------- scripts


def script(path: Path, text: str) -> subprocess.CompletedProcess[str]:
    file = path / "script.py"
    file.write_text(dedent(text))
    return subprocess.run([sys.executable, file], capture_output=True, text=True, check=False, timeout=50)


MAIN = """
    import pickle, anyio, dataclasses
    from rivusio_core.engine.process import WorkerProcess

    print("imported as", __name__)

    @dataclasses.dataclass
    class Point:
        x: int

    class Job:
        async def open(self): ...
        async def close(self): ...
        async def run(self, message):
            return Point(message.x + 1)

    async def main():
        worker = WorkerProcess()
        await worker.start(pickle.dumps(Job()))
        answer = await worker.call(Point(1))
        assert type(answer) is Point, type(answer)
        print(answer)
        await worker.close()
"""


def test_a_script_is_imported_by_its_workers(tmp_path: Path) -> None:
    done = script(tmp_path, MAIN + "\n    if __name__ == '__main__':\n        anyio.run(main)\n")
    assert done.stdout == "imported as __main__\nPoint(x=2)\n", done.stderr
    assert done.stderr == "imported as __mp_main__\n"


def test_a_script_without_a_guard_is_told_so(tmp_path: Path) -> None:
    done = script(tmp_path, MAIN + "\n    anyio.run(main)\n")
    assert done.returncode == 1
    assert "put what runs there under `if __name__ == '__main__':`" in done.stderr


def test_no_worker_outlives_a_parent_that_was_killed(tmp_path: Path) -> None:
    text = """
        import os, pickle, signal, sys, anyio
        sys.path.insert(0, {tests!r})
        from jobs import Worker
        from rivusio_core.engine.process import WorkerProcess

        async def main():
            worker = WorkerProcess()
            await worker.start(pickle.dumps(Worker()))
            print(await worker.call("process"), flush=True)
            async with anyio.create_task_group() as group:
                group.start_soon(worker.call, "hang")
                await anyio.sleep(0.2)
                os.kill(os.getpid(), signal.SIGKILL)

        if __name__ == "__main__":
            anyio.run(main)
    """
    done = script(tmp_path, text.format(tests=str(Path(__file__).parent)))
    process = int(done.stdout)
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(process).wait(20)
    assert not psutil.pid_exists(process)
