"""Where questions and images come from: one source a file, every reader giving the same ``schema.Sample``."""
