"""Power switches."""
