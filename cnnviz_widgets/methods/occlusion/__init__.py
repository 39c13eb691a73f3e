"""Occlusion sensitivity."""
