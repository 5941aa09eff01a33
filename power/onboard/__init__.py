"""Sensors that a board or a computer has of its own: read through its files, its programs, its driver.

A driver with ``open_on`` reads those of the board that names it, wherever that is (:mod:`.reach`).
"""
