"""lmms-eval tasks: a folder of YAML a benchmark; ``docs`` and ``scoring`` serve all of them."""
