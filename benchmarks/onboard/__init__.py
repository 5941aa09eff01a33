"""What it costs a board to be measured by its own sensors."""
