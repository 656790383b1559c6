"""The static page that ranks submissions beside the paper's numbers."""
