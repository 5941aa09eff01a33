"""USB inline meters."""
