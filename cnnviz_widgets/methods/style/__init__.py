"""Style transfer: a photograph in the style of a painting, by optimization and by networks that do it in one pass."""
