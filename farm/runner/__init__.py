"""What runs on the board: Python 3.5 standard library and the inference runtime."""
