"""The weights of a layer."""
