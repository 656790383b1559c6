"""Experiments that ask models beyond a single run: joint runs, sweeps, calibration, overlays."""
