"""Families and methods by name, as installed distributions register them; ours and third-party ones alike."""
