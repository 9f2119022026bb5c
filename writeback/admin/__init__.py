"""Console pages of directories, what reaches them, what was written there and what came from there."""
