"""Pictures made by optimization: class models, features, dreams, inversions."""
