"""Whether half of a processor takes twice as long."""
