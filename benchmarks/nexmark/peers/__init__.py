"""Nexmark with the peers that do most of it: a file each."""
