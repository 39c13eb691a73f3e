"""Gradients with respect to the picture."""
