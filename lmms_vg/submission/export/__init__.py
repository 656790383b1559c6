"""A valid bundle in formats of others: a model card's metadata, lmms-eval's results, MMMU's submission file."""
