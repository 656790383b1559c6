"""Metrics: pure functions of arrays or strings, one kind of metric per file, each file with its `signature()`."""
