"""Nexmark: the auction benchmark of stream processing, its 23 queries, and the same in SQL to check them."""
