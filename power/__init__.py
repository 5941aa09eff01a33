"""Volts, amps and switches. Knows nothing of boards."""
