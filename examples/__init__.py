"""Programs that show lmms_vg at work."""
