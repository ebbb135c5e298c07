"""Checkpoints as objects in S3."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import parse_qsl, urlsplit

from rivusio_core import ConfigError, Duration, Fault
from rivusio_core.duration import seconds
from rivusio_core.errors import CheckpointCorrupt, CheckpointWriteError
from rivusio_plugins_contrib.s3.bucket import Bucket, Taken
from rivusio_plugins_contrib.s3.lease import Lease
from rivusio_streams.checkpoint import CheckpointStore
from rivusio_streams.checkpoint.folder import flow_folder

__all__ = ["S3Store"]

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
_SUFFIX = ".checkpoint"
_SHORTEST = 3.0


class S3Store(CheckpointStore):
    """Objects below a prefix of a bucket: `checkpoint="s3://bucket/prefix"`.

    Each object is written on the condition that there is none of its name, so that no two runs can both write a
    checkpoint of one number. One run at a time is kept by a lease: a run that was killed holds it for `lease` more, and
    the next one waits for so long. Credentials and region are found where boto3 finds them; nothing of them is kept.

    The bucket must answer reads with what was written last, and know conditional writes: S3 does, and so do most
    services that speak its protocol.

    Args:
        bucket: its name; it must exist.
        prefix: of all names.
        endpoint: the URL of another service than that of AWS.
        region: of the bucket.
        lease: how long the lease of a run that died lasts; a live one renews it three times as often.

    Raises:
        ConfigError: an argument is wrong.

    Example:
        >>> S3Store.at("s3://checkpoints/shop?lease=10s")
        S3Store('checkpoints', 'shop')
    """

    def __init__(
        self,
        bucket: str,
        prefix: str = "",
        *,
        endpoint: str | None = None,
        region: str | None = None,
        lease: Duration = "30s",
    ) -> None:
        self.bucket, self.prefix, self.endpoint, self.region = bucket, prefix.strip("/"), endpoint, region
        self.lease = seconds(lease, "lease")
        faults = list[Fault]()
        if not _BUCKET.fullmatch(bucket):
            faults.append(Fault("is no name of a bucket", "bucket"))
        if self.lease < _SHORTEST:
            faults.append(Fault(f"must be {_SHORTEST:g} s or longer", "lease"))
        if faults:
            raise ConfigError("S3Store", faults=faults)
        self.place = f"s3://{bucket}/{self.prefix}"
        self._flow = ""
        self._opened: Bucket | None = None
        self._lease: Lease | None = None

    @classmethod
    def at(cls, url: str) -> S3Store:
        parts = urlsplit(url)
        if "@" in parts.netloc:
            raise ConfigError(
                faults=[Fault("an s3:// URL takes no credentials; set them where boto3 finds them", "checkpoint")]
            )
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        unknown = options.keys() - {"endpoint", "region", "lease"}
        if unknown:
            told = f"an s3:// URL takes endpoint, region and lease, not {', '.join(sorted(unknown))}"
            raise ConfigError(faults=[Fault(told, "checkpoint")])
        return cls(
            parts.netloc,
            parts.path,
            endpoint=options.get("endpoint"),
            region=options.get("region"),
            lease=options.get("lease", "30s"),
        )

    def open(self, flow: str, *, read_only: bool = False) -> None:
        self._flow = "/".join([*([self.prefix] if self.prefix else []), flow_folder(flow), ""])
        bucket = self._opened = Bucket(self.bucket, self.place, self.endpoint, self.region)
        if not read_only:
            lease = Lease(bucket, f"{self._flow}lease", self.lease, self.place)
            with bucket.failing("opening", CheckpointWriteError):
                lease.acquire()
            self._lease = lease

    @property
    def _own(self) -> Bucket:
        if self._opened is None:
            raise CheckpointWriteError(f"{self.place}: the store is not open")
        return self._opened

    def names(self) -> Sequence[str]:
        bucket = self._own
        with bucket.failing("reading", CheckpointCorrupt):
            found = bucket.names(self._flow)
        return [each.removesuffix(_SUFFIX) for each in found if each.endswith(_SUFFIX) and "/" not in each]

    def get(self, name: str) -> bytes:
        bucket = self._own
        with bucket.failing(f"reading {name}", CheckpointCorrupt):
            data = bucket.get(self._key(name))
        if data is None:
            raise CheckpointCorrupt(f"{self.place}: there is no {name}")
        return data

    def put(self, name: str, data: bytes) -> None:
        bucket = self._own
        self._demand_lease()
        with bucket.failing(f"writing {name}", CheckpointWriteError):
            try:
                bucket.put(self._key(name), data)
            except Taken:
                raise CheckpointWriteError(
                    f"{self.place}: there is a checkpoint {name} already, which another run has made; the one before "
                    "it stays"
                ) from None

    def delete(self, names: Sequence[str]) -> None:
        bucket = self._own
        self._demand_lease()
        with bucket.failing("deleting old checkpoints", CheckpointWriteError):
            bucket.delete([self._key(name) for name in names])

    def _demand_lease(self) -> None:
        if self._lease is None or not self._lease.held:
            raise CheckpointWriteError(
                f"{self.place}: the lease of this run is over, since it could not be renewed for {self.lease:g} s; "
                "another run may go on with these checkpoints"
            )

    def close(self) -> None:
        bucket, lease = self._opened, self._lease
        self._opened = self._lease = None
        if bucket is not None:
            try:
                if lease is not None:
                    with bucket.failing("giving back the lease", CheckpointWriteError):
                        lease.release()
            finally:
                bucket.close()

    def _key(self, name: str) -> str:
        return f"{self._flow}{name}{_SUFFIX}"

    def __repr__(self) -> str:
        return f"S3Store({self.bucket!r}, {self.prefix!r})"
