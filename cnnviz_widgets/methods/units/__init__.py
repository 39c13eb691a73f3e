"""What a unit responds to, found with drawn stimuli."""
