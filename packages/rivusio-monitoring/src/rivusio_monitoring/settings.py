"""The settings of monitoring: section `[tool.rivusio.monitoring]`, `--set monitoring.port=9464`, and so on."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator

from rivusio_core import ConfigError, Duration
from rivusio_core.duration import seconds

__all__ = ["MonitoringSettings"]


class MonitoringSettings(BaseModel):
    """What is watched, where it is shown, and how much of it is kept. Immutable.

    Raises:
        pydantic.ValidationError: listing every setting that is wrong.

    Example:
        >>> settings = MonitoringSettings(port=9464, keep="1h")
        >>> settings.host, settings.keep_seconds
        ('127.0.0.1', 3600.0)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    port: int | None = Field(
        default=None, ge=0, le=65_535, description="TCP port; 0 takes any free one; unset: nothing listens or counts."
    )
    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Address to bind. There is no login: anything but loopback shows the figures to the network.",
    )
    keep: Duration = Field(
        default="10m", description="How long the figures of a run stay after its end; more than a few scrapes apart."
    )
    label_sets: int = Field(
        default=1_000, ge=1, description="Most pairs of run and step in metrics; the rest is counted under `other`."
    )
    error_groups: int = Field(default=50, ge=1, description="Most groups of alike errors in `/status`.")
    quiet_after: Duration = Field(
        default="1m", description="A run that reported nothing for so long is listed as quiet by `/livez`."
    )
    connections: int = Field(
        default=64, ge=1, description="Most connections at once; one more drops the one that waits longest."
    )
    client_timeout: Duration = Field(
        default="10s", description="A client that has not sent its request and taken the answer by then is dropped."
    )

    @field_validator("keep", "quiet_after", "client_timeout")
    @classmethod
    def _positive(cls, value: Duration) -> Duration:
        if seconds(value) <= 0:
            raise ConfigError("give a duration above zero")
        return value

    @property
    def keep_seconds(self) -> float:
        """`keep` in seconds."""
        return seconds(self.keep)

    @property
    def quiet_seconds(self) -> float:
        """`quiet_after` in seconds."""
        return seconds(self.quiet_after)

    @property
    def client_seconds(self) -> float:
        """`client_timeout` in seconds."""
        return seconds(self.client_timeout)
