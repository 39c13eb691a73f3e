"""What a layer computes, and which pictures excite it."""
