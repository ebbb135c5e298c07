"""Calls of HTTP services. Needs the extra `http`."""

from rivusio_plugins_contrib.http.lookup import JsonLookup

__all__ = ["JsonLookup"]
