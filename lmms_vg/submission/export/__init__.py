"""A valid bundle as others read it: a model card's metadata, lmms-eval's results, MMMU's submission file."""
