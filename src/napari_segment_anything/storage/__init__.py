"""What is kept on disk or in memory, by key."""
