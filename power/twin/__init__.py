"""Twins of instruments: real servers that speak the real bytes."""
