"""Calibration of stated errors and intervals by simulation."""
