"""The commands of `lmms-vg`, one file per topic; each adds its commands and imports what they need when they run."""
