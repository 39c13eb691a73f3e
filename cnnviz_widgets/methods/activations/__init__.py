"""Activations of a layer, and the pictures that activate it most."""
