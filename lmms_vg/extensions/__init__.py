"""Families and methods by name, as what is installed registers them: ours and those of others in the same way."""
