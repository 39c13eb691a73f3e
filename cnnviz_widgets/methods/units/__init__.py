"""What single units respond to and stand for: drawn stimuli, their own pictures, and pictures told in these."""
