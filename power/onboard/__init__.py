"""Sensors that a board or a computer has of its own: read through files and programs of the board itself."""
