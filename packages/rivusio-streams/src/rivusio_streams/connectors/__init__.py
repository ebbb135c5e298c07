"""The connectors that come with the package: iterables, lists, JSON lines, CSV, standard input and output."""
