"""What a cell is: everything that its names refer to, its keys, and what it lacks."""
