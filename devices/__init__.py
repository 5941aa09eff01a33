"""Boards and how to talk to them. Knows nothing of watts."""
