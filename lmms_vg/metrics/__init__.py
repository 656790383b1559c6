"""Pure functions from arrays or strings to values, one kind of metric a file, each file with its ``signature()``."""
