"""Submissions: finished runs packed into one file, a bundle, that anyone can check offline."""
