"""How well the farm knows a board's clock, beside what the clock really shows."""
