"""Textures: grown pixel by pixel, or made to match the statistics of a network's layers."""
