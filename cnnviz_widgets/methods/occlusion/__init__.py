"""What a class loses when a part of the picture is covered."""
