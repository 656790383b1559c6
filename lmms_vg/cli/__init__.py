"""What `lmms-vg` can do, a file a topic: each adds its commands and imports what they need when they run."""
