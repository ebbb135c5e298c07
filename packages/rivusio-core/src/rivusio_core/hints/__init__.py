"""Annotations at run time: reading them, writing them for people, and whether one type fits another."""
