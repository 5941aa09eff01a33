"""Predictions in what is printed and drawn: what they say of themselves, and beside what was measured."""
