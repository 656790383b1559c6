"""lmms-eval tasks: a folder of YAML a benchmark; ``documents`` and ``scoring_*`` serve all of them."""
