"""Reproduce the paper's tables and figures: what has to run, what it costs, and our values next to the paper's."""
