"""Methods of one forward or backward pass, or of many independent ones."""
