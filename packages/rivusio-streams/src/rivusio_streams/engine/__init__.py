"""The local engine: how a flow runs in this process. See `run`."""
