"""Convolution from the ground up: its numbers, window, matrix, overlap and receptive field."""
