"""What only those who build this project run."""
