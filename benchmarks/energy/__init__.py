"""The farm's joules held against the twins' own truth."""
