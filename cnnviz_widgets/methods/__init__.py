"""Techniques only, one folder a family. What a file exports stands in its ``__all__``; ``registry`` finds it."""
