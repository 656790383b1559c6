"""Submissions that can be checked by anyone, offline, and the static page that ranks them."""
