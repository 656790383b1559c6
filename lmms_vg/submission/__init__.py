"""Submissions: finished runs packed into a bundle that anyone can check, offline."""
