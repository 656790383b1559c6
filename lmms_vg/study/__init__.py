"""From runs to pictures."""
