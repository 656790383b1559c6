"""Sources of questions and images: one file per source, and every reader returns `schema.Sample`."""
