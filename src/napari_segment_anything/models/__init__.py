"""Which models exist, where their weights come from, how they are verified."""
