"""Checkpoints in S3, and in what speaks its protocol."""

from rivusio_plugins_contrib.s3.store import S3Store

__all__ = ["S3Store"]
