"""Calibration of stated errors: true errors against stated ones in random systems."""
