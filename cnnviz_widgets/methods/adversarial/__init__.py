"""Adversarial examples: small changes that make a network answer something else."""
