"""What there is, who holds it, how it is."""
