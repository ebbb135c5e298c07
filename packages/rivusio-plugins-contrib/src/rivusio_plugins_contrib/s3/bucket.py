"""The one place that touches boto3, which has no types of its own and is an extra: imported when first used."""

from __future__ import annotations

import importlib
import uuid
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast

from rivusio_core import ConfigError
from rivusio_core.errors import CheckpointError, CheckpointWriteError

__all__ = ["Bucket", "Found", "Taken"]

_CONNECT, _READ = 10.0, 60.0
"""Seconds to wait for a connection, and for an answer."""
_ATTEMPTS = 5
_DELETED = 1_000
"""Objects that one request can delete."""
_HELD = {"412", "PreconditionFailed", "409", "ConditionalRequestConflict"}
_MISSING = {"404", "NoSuchKey"}


class Taken(Exception):
    """A conditional write found the object there already, or changed."""


@dataclass(frozen=True)
class Found:
    """An object.

    Attributes:
        etag: changes whenever it is written.
        age: seconds since then, both by the clock of the server.
        notes: kept with it.
    """

    etag: str
    age: float
    notes: dict[str, str]


class Bucket:
    """Objects of a bucket. May be used by several threads.

    Args:
        name: of the bucket.
        place: for messages.
        endpoint: another service than that of AWS.
        region: of the bucket; else as the environment says.

    Raises:
        ConfigError: boto3 is not installed.
        CheckpointWriteError: there are no settings to reach it with.
    """

    def __init__(self, name: str, place: str, endpoint: str | None, region: str | None) -> None:
        self._name, self._place = name, place
        boto = _boto()
        self._errors: Any = importlib.import_module("botocore.exceptions")  # comes with boto3
        settings: Any = importlib.import_module("botocore.config").Config(
            connect_timeout=_CONNECT, read_timeout=_READ, retries={"mode": "standard", "total_max_attempts": _ATTEMPTS}
        )
        with self.failing("opening", CheckpointWriteError):
            session = boto.session.Session(region_name=region)
            self._client: Any = session.client("s3", endpoint_url=endpoint, config=settings)

    def names(self, prefix: str) -> list[str]:
        """The names of all objects that begin so, without what they begin with."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._name, Prefix=prefix)
        return [str(each["Key"])[len(prefix) :] for page in pages for each in page.get("Contents", ())]

    def get(self, key: str) -> bytes | None:
        """An object; None: there is none."""
        try:
            return cast("bytes", self._client.get_object(Bucket=self._name, Key=key)["Body"].read())
        except self._errors.ClientError as error:
            if _code(error) in _MISSING:
                return None
            raise

    def find(self, key: str) -> Found | None:
        """What is known about an object; None: there is none."""
        try:
            found = self._client.head_object(Bucket=self._name, Key=key)
        except self._errors.ClientError as error:
            if _code(error) in _MISSING:
                return None
            raise
        now = parsedate_to_datetime(found["ResponseMetadata"]["HTTPHeaders"]["date"])
        written = cast("datetime", found["LastModified"])
        return Found(str(found["ETag"]), (now - written).total_seconds(), dict(found.get("Metadata", {})))

    def put(self, key: str, data: bytes, *, instead_of: str | None = None, notes: dict[str, str] | None = None) -> str:
        """Write an object that is not there, or only in place of the one with this `etag`; gives its own.

        Raises:
            Taken: it is there, or was changed.
        """
        mark = uuid.uuid4().hex
        condition = {"IfNoneMatch": "*"} if instead_of is None else {"IfMatch": instead_of}
        try:
            made = self._client.put_object(
                Bucket=self._name, Key=key, Body=data, Metadata={**(notes or {}), "rivusio-mark": mark}, **condition
            )
        except self._errors.ClientError as error:
            if _code(error) not in _HELD | _MISSING:
                raise
            # It may be our own: the answer to the first attempt got lost, and boto3 tried again.
            found = self.find(key)
            if found is not None and found.notes.get("rivusio-mark") == mark:
                return found.etag
            raise Taken(key) from error
        return str(made["ETag"])

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; those that are not there are fine.

        Raises:
            CheckpointWriteError: some were not deleted.
        """
        for first in range(0, len(keys), _DELETED):
            some = [{"Key": key} for key in keys[first : first + _DELETED]]
            given = self._client.delete_objects(Bucket=self._name, Delete={"Objects": some, "Quiet": True})
            for each in given.get("Errors", ()):
                raise CheckpointWriteError(f"{self._place}: {each.get('Key')} was not deleted: {each.get('Code')}")

    def release(self, key: str, etag: str) -> None:
        """Delete an object if it is still this one."""
        try:
            self._client.delete_object(Bucket=self._name, Key=key, IfMatch=etag)
        except self._errors.ClientError as error:
            if _code(error) not in _HELD | _MISSING:
                raise

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    @contextmanager
    def failing(self, what: str, kind: type[CheckpointError]) -> Generator[None, None, None]:
        """Tell errors of the service as ours; those that may pass have a `ConnectionError` as their cause."""
        try:
            yield
        except self._errors.ClientError as error:
            told = error.response.get("Error", {}).get("Message", "")
            raise kind(f"{self._place}: {what} failed: {_code(error)} {told}{_advice(_code(error))}") from error
        except (self._errors.HTTPClientError, self._errors.ConnectionError) as error:
            lost = ConnectionError(f"the service does not answer ({type(error).__name__})")
            lost.__cause__ = error
            raise kind(f"{self._place}: {what} failed: {lost}; check network and endpoint") from lost
        except (self._errors.BotoCoreError, ValueError) as error:
            raise kind(f"{self._place}: {what} failed: {error}") from error


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _advice(code: str) -> str:
    if code == "NoSuchBucket":
        return "; make the bucket first"
    if code in {"403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"}:
        return "; it needs the rights to list the bucket, and to get, put and delete objects"
    return ""


def _boto() -> Any:  # Any: boto3 has no types of its own
    try:
        importlib.import_module("boto3.session")
        return importlib.import_module("boto3")
    except ImportError as error:
        raise ConfigError(
            "Checkpoints in S3 need boto3, which is not installed: pip install 'rivusio-plugins-contrib[s3]'"
        ) from error
