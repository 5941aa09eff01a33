"""What sampling many meters in one process costs, and what it loses."""
