"""n-D arrays as stacks of planes."""
