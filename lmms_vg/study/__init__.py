"""The grounding study: its page."""
