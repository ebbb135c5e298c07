"""Commands of `rivusio` that belong to streams."""
