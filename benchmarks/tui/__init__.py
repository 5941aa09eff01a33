"""How soon the operator's screen answers a key while a quarter of the lab hangs."""
