"""Finished runs: read, compared, reported and plotted."""
