"""Calibration of stated errors: how often they hold on random systems with known answers."""
