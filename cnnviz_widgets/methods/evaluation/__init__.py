"""Evaluation of attribution maps: sanity checks, deletion and insertion, pointing game, segmentation."""
