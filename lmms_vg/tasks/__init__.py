"""lmms-eval tasks: one folder of YAML per benchmark; `documents` and `scoring_*` serve all of them."""
