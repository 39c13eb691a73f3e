"""Where and how precisely things are computed, in pieces that fit into memory, one at a time on each device."""
