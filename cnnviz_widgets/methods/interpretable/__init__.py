"""Filters that are made to mean a part: the filter loss, its masks, and a training with them."""
