"""How good is a map: what it segments, what it survives, what it points at."""
