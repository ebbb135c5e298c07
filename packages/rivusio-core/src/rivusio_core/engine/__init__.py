"""The machinery of runs: chains compiled to loops, stages, and the windows between them. Shared with the streams."""
