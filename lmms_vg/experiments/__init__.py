"""Commands that ask models: joint runs, sweeps, calibration, overlays."""
