"""The board's state around and during a trial: what is demanded of it, what was seen, and what that means."""
