"""Many pictures at once: where they lie in a layer's space, what is near what, and maps of it."""
