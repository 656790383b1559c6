"""Images and how their pixels map to patches."""
