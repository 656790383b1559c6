"""Behaviour inside lmms-eval: its options, its callers, failure, signals."""
