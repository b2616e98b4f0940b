"""The interactive state of one viewer, without a window."""
