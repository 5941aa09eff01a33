"""A run as one HTML file that opens offline, and its plots as PNG and SVG."""
