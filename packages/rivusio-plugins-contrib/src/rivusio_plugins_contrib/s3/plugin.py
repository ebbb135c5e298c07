"""Registers the S3 store; boto3 is imported when one is opened."""

from __future__ import annotations

from rivusio_core.hooks import hookimpl
from rivusio_core.registry import Registration
from rivusio_plugins_contrib.s3.store import S3Store

__all__ = ["rivusio_register"]


@hookimpl
def rivusio_register(registry: Registration) -> None:
    """`s3.checkpoints`: where `checkpoint="s3://bucket/prefix"` is kept."""
    registry.add("checkpoint_store", "checkpoints", S3Store)
