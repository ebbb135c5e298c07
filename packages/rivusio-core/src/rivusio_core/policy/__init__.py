"""How a pipe is called: its options, and layers around a call (retry, timeout, rate limit, circuit, validation)."""
