"""Checkpoints in S3: against a server of the same protocol on this machine."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import boto3
import pytest
from contract import child_environment
from contrib_models import orders

from rivusio_core import CheckpointWriteError, ConfigError
from rivusio_plugins_contrib.s3 import S3Store
from rivusio_plugins_contrib.s3.bucket import Bucket
from rivusio_streams import JsonLines, RunConfig, Stream
from rivusio_streams.checkpoint import store_at
from rivusio_streams.testing import check_store, crash_check


@pytest.fixture(scope="session")
def service() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, env=child_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                urlopen(f"{url}/moto-api/").close()  # our own
                break
            except OSError:
                assert server.poll() is None, "moto's server has ended"
                assert time.monotonic() < deadline, "moto's server does not answer"
                time.sleep(0.1)
        yield url
    finally:
        server.terminate()
        server.wait()


@pytest.fixture
def endpoint(service: str, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "s3cret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    return service


@pytest.fixture
def client(endpoint: str) -> Iterator[Any]:
    made = boto3.client("s3", endpoint_url=endpoint)
    made.create_bucket(Bucket="kept")
    yield made
    for page in made.get_paginator("list_objects_v2").paginate(Bucket="kept"):
        for each in page.get("Contents", ()):
            made.delete_object(Bucket="kept", Key=each["Key"])
    made.close()


@pytest.fixture
def make(endpoint: str, client: Any) -> Callable[[], S3Store]:
    return lambda: S3Store("kept", "some/where", endpoint=endpoint, lease="3s")


def test_it_keeps_the_contract(make: Callable[[], S3Store]) -> None:
    check_store(make)


def test_a_url_says_where_it_is(endpoint: str, client: Any, tmp_path: Path) -> None:
    url = f"s3://kept/shop?endpoint={endpoint}&lease=3s"
    flow = Stream.read(orders(5)).map(lambda each: each.id).write(JsonLines(tmp_path / "out.jsonl")).named("orders")
    flow.run(RunConfig(checkpoint=url))
    names = [each["Key"] for each in client.list_objects_v2(Bucket="kept")["Contents"]]
    assert names == ["shop/orders/000000000001-whole.checkpoint"]  # and no lease is left
    assert isinstance(store_at(url), S3Store)


def test_a_flow_is_exactly_once_with_checkpoints_there(endpoint: str, client: Any) -> None:
    report = crash_check(
        lambda place: Stream.read(orders(5)).map(lambda each: each.id).write(JsonLines(place / "out.jsonl")),
        lambda place: [line for path in place.glob("*.jsonl") for line in path.read_text().splitlines()],
        store=lambda place: S3Store("kept", str(place), endpoint=endpoint),
        kinds=("after",),
    )
    assert (report.lost, report.duplicated) == (0, 0)


def test_a_name_is_used_once(make: Callable[[], S3Store], client: Any) -> None:
    store = make()
    store.open("orders")
    client.put_object(Bucket="kept", Key="some/where/orders/000000000001-whole.checkpoint", Body=b"theirs")
    with pytest.raises(CheckpointWriteError, match="000000000001-whole already, which another run has made"):
        store.put("000000000001-whole", b"ours")
    assert store.get("000000000001-whole") == b"theirs"
    store.close()


def test_an_answer_that_got_lost_is_no_other_run(endpoint: str, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The write was done; the attempt after it finds the object there, which is its own."""
    bucket = Bucket("kept", "s3://kept", endpoint, None)
    real = bucket._client.put_object

    def twice(**arguments: Any) -> Any:
        real(**arguments)
        return real(**arguments)

    monkeypatch.setattr(bucket._client, "put_object", twice)
    bucket.put("a", b"data")
    assert bucket.get("a") == b"data"
    bucket.close()


KILLED = """
import os, signal, sys
from rivusio_plugins_contrib.s3 import S3Store
store = S3Store("kept", "some/where", endpoint=sys.argv[1], lease="3s")
store.open("orders")
store.put("000000000001-whole", b"data")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")
def test_the_lease_of_a_killed_run_comes_to_its_end(make: Callable[[], S3Store], endpoint: str) -> None:
    subprocess.run([sys.executable, "-c", KILLED, endpoint], env=child_environment(), check=False)
    store = make()
    store.open("orders")  # waits
    assert [*store.names()] == ["000000000001-whole"]
    store.put("000000000002-whole", b"more")
    store.close()


def test_a_run_that_was_taken_over_writes_no_more(make: Callable[[], S3Store], client: Any) -> None:
    store = make()
    store.open("orders")
    client.put_object(Bucket="kept", Key="some/where/orders/lease", Body=b"theirs")
    lease, deadline = store._lease, time.monotonic() + 30
    assert lease is not None
    while lease.held and time.monotonic() < deadline:
        time.sleep(0.1)
    with pytest.raises(CheckpointWriteError, match="the lease of this run is over"):
        store.delete(["none"])
    with pytest.raises(CheckpointWriteError, match="the lease of this run is over"):
        store.put("000000000001-whole", b"ours")
    store.close()
    assert client.get_object(Bucket="kept", Key="some/where/orders/lease")["Body"].read() == b"theirs"


def test_what_is_wrong_is_told_without_secrets(endpoint: str, client: Any) -> None:
    missing = S3Store("missing", endpoint=endpoint)
    with pytest.raises(CheckpointWriteError, match=r"s3://missing/: opening failed: NoSuchBucket .*; make the bucket"):
        missing.open("orders")
    missing.close()
    gone = S3Store("kept", endpoint="http://127.0.0.1:1")
    with pytest.raises(CheckpointWriteError, match="does not answer") as caught:
        gone.open("orders")
    assert isinstance(caught.value.__cause__, ConnectionError)  # so that a run may wait for the service
    gone.close()
    for url in (
        "s3://key:s3cret@kept/x",
        "s3://kept/x?leese=3s",
        "s3://kept/x?lease=1s",
        "s3:///x",
        "s3://kept?lease=x",
    ):
        with pytest.raises(ConfigError) as refused:
            store_at(url)
        assert "s3cret" not in str(refused.value)


def test_the_missing_extra_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3.session", None)
    store = S3Store("kept")
    with pytest.raises(ConfigError, match=r"pip install 'rivusio-plugins-contrib\[s3\]'"):
        store.open("orders")
    store.close()
