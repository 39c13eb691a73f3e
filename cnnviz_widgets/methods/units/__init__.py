"""What single units stand for: their own pictures, and pictures in which they are the words."""
